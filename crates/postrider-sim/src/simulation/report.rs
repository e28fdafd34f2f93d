//! What a run is to be like, and what came of it.

/// What a run is to be like.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Engines, joined by `Forward` and `Remote`.
    pub partitions: u16,
    /// Random steps before everything comes to rest.
    pub steps: usize,
    /// What is durable is kept on a disk, and the broker crashes.
    pub has_disk: bool,
    /// Clients with a durable session share subscriptions too.
    pub shares_durably: bool,
    /// There are no faults; instead, for each change of the disk, it is tried what a loss of power would leave.
    pub tries_cuts: bool,
    /// Prints each step as it happens.
    pub is_verbose: bool,
}

impl Options {
    /// A broker with a disk: what it does takes longer, as it waits for the disk.
    #[must_use]
    pub const fn on_disk() -> Self {
        Self { partitions: 1, steps: 1500, has_disk: true, shares_durably: true, tries_cuts: false, is_verbose: false }
    }

    /// The same with a cut at every change of the disk. Groups are left out: which of them there are depends on members
    /// that have left, and on what is still known of those.
    #[must_use]
    pub const fn cuts() -> Self {
        Self { steps: 2500, shares_durably: false, tries_cuts: true, ..Self::on_disk() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { partitions: 1, steps: 400, has_disk: false, shares_durably: false, tries_cuts: false, is_verbose: false }
    }
}

/// What a run saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Steps taken, those of the end among them.
    pub steps: u64,
    /// Messages that clients published.
    pub published: u64,
    /// Messages that clients received.
    pub delivered: u64,
    /// Connections that were cut.
    pub cuts: u64,
    /// Messages that were sent through shared subscriptions.
    pub shared: u64,
    /// Those that a member had not acknowledged when it left.
    pub taken_back: u64,
    /// Messages that were sent with an alias for a topic.
    pub aliased: u64,
    /// PUBLISH packets that waited for a rate.
    pub held: u64,
    /// Connections that were refused.
    pub refused: u64,
    /// How often memory became shorter or was less short.
    pub pressed: u64,
    /// Newcomers and messages that were refused for that.
    pub refused_for_memory: u64,
    /// Deliveries with QoS 0 that were dropped for that.
    pub dropped_for_memory: u64,
    /// PUBACK and PUBCOMP packets that publishers received.
    pub acked: u64,
    /// Wills that were published.
    pub wills: u64,
    /// Crashes of the broker, those of a broker that was just beginning among them.
    pub crashes: u64,
    /// Those that took the power away.
    pub power_cuts: u64,
    /// Those behind a device that refused something.
    pub faults: u64,
    /// How often a second engine was made of the records and compared.
    pub compared: u64,
    /// How often the broker was stopped in order.
    pub stops: u64,
    /// How often the device ran full.
    pub fillings: u64,
    /// How often syncs took long for a while.
    pub stalls: u64,
    /// Bytes that changed by themselves.
    pub decays: u64,
    /// How often that was noticed: by a start, a read or a compaction.
    pub decays_noticed: u64,
    /// How often it was taken for what a crash leaves of the last group.
    pub decays_torn: u64,
    /// Changes of the disk at which a loss of power was tried.
    pub boundaries: u64,
    /// What was recovered behind them: as many for each kind of loss.
    pub cuts_tried: u64,
    /// QoS 2 handshakes that came to their end: those of publishers.
    pub handshakes_in: u64,
    /// And those of subscribers.
    pub handshakes_out: u64,
    /// Crashes after which more than one story may be true.
    pub forks: u64,
    /// Records that were appended.
    pub records: u64,
    /// Records that crashes have taken.
    pub records_lost: u64,
    /// Segments that were removed.
    pub segments_removed: u64,
    /// Messages with QoS 1 that came again after a crash.
    pub returned: u64,
    /// Sessions that were found again by their clients after a crash.
    pub resumed: u64,
    /// Virtual milliseconds.
    pub virtual_ms: u64,
    /// A digest of everything that happened, for comparing two runs.
    pub digest: u64,
}

impl Report {
    /// Adds what another run saw; digests stay apart.
    pub fn add(&mut self, more: &Self) {
        let all = [
            (&mut self.steps, more.steps),
            (&mut self.published, more.published),
            (&mut self.delivered, more.delivered),
            (&mut self.cuts, more.cuts),
            (&mut self.shared, more.shared),
            (&mut self.taken_back, more.taken_back),
            (&mut self.aliased, more.aliased),
            (&mut self.held, more.held),
            (&mut self.refused, more.refused),
            (&mut self.pressed, more.pressed),
            (&mut self.refused_for_memory, more.refused_for_memory),
            (&mut self.dropped_for_memory, more.dropped_for_memory),
            (&mut self.acked, more.acked),
            (&mut self.wills, more.wills),
            (&mut self.crashes, more.crashes),
            (&mut self.power_cuts, more.power_cuts),
            (&mut self.faults, more.faults),
            (&mut self.compared, more.compared),
            (&mut self.stops, more.stops),
            (&mut self.fillings, more.fillings),
            (&mut self.stalls, more.stalls),
            (&mut self.decays, more.decays),
            (&mut self.decays_noticed, more.decays_noticed),
            (&mut self.decays_torn, more.decays_torn),
            (&mut self.boundaries, more.boundaries),
            (&mut self.cuts_tried, more.cuts_tried),
            (&mut self.handshakes_in, more.handshakes_in),
            (&mut self.handshakes_out, more.handshakes_out),
            (&mut self.forks, more.forks),
            (&mut self.records, more.records),
            (&mut self.records_lost, more.records_lost),
            (&mut self.segments_removed, more.segments_removed),
            (&mut self.returned, more.returned),
            (&mut self.resumed, more.resumed),
            (&mut self.virtual_ms, more.virtual_ms),
        ];
        all.into_iter().for_each(|(sum, more)| *sum += more);
    }
}

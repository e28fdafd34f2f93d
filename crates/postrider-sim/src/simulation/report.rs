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
    /// Prints each step as it happens.
    pub is_verbose: bool,
}

impl Options {
    /// A broker with a disk: what it does takes longer, as it waits for the disk.
    #[must_use]
    pub const fn on_disk() -> Self {
        Self { partitions: 1, steps: 1500, has_disk: true, shares_durably: true, is_verbose: false }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { partitions: 1, steps: 400, has_disk: false, shares_durably: false, is_verbose: false }
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
            (&mut self.acked, more.acked),
            (&mut self.wills, more.wills),
            (&mut self.crashes, more.crashes),
            (&mut self.power_cuts, more.power_cuts),
            (&mut self.faults, more.faults),
            (&mut self.compared, more.compared),
            (&mut self.stops, more.stops),
            (&mut self.fillings, more.fillings),
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

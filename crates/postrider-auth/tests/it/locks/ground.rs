//! A broker whose rights are kept by the real rules, and people in front of it.

use super::cases::{Case, PUBLIC, Person};
use postrider_auth::acl::{Acl, Rules};
use postrider_engine::{Judge, ListenerLimits, Verdict, Who};
use postrider_ports::{
    Access, Answer, AuthenticateAnswer, Authorize, AuthorizeRequest, Counters, Principal, Question, Reply,
};
use postrider_proto::Version;
use postrider_testkit::{Client, Hello, Pub, Sub, World, subscribe};
use std::sync::mpsc;

pub(crate) struct Ground {
    pub(crate) world: World,
    pub(crate) acl: Acl,
}

/// Who may everything.
const BOSS: &Person = &Person { user: Some("boss"), client: "boss", host: "127.0.0.1", listener: 0 };

impl Ground {
    pub(crate) fn new(case: &Case) -> Self {
        Self::with(case.form.rules(case.mount()), case.mount())
    }

    /// Listeners 1 and 2 have the mount point.
    pub(crate) fn with(rules: Rules, mount: &str) -> Self {
        let world = World::with(|limits| {
            (limits.authenticate, limits.authorize) = (Who::Plugin, Who::Plugin);
            let mounted =
                || ListenerLimits { mount_point: Some(mount.into()).filter(|_| !mount.is_empty()), ..<_>::default() };
            limits.listeners = vec![ListenerLimits::default(), mounted(), mounted()];
        });
        Self { world, acl: Acl::new(rules) }
    }

    /// Other rules hold.
    pub(crate) fn replace(&mut self, rules: Rules) {
        self.acl.replace(rules);
        assert!(matches!(self.world.ask(Question::Review), Answer::Reviewing(_)));
        self.settle();
    }

    /// The right that the case is about is gone.
    pub(crate) fn revoke(&mut self, case: &Case) {
        self.replace(case.form.without(case.mount()));
    }

    /// Everything that is asked is answered, and everything that is cut into slices is done.
    pub(crate) fn settle(&mut self) {
        loop {
            if let Some((ticket, question)) = self.world.driver.questions.pop_front() {
                let verdict = match question {
                    Judge::Authenticate(request) => Verdict::Authenticate(AuthenticateAnswer::accept(
                        request.user_name.as_deref().map(Principal::from),
                    )),
                    Judge::Authorize(request) => Verdict::Authorize(self.judge(request)),
                    Judge::Control(request) => panic!("nobody serves commands here: {request:?}"),
                };
                self.world.driver.answer(self.world.now, ticket, verdict);
            } else if self.world.driver.engine.has_work() {
                self.world.driver.work(self.world.now);
            } else {
                return;
            }
        }
    }

    fn judge(&self, request: AuthorizeRequest) -> Vec<Access> {
        let (send, answer) = mpsc::channel();
        self.acl.begin(request, Reply::new(move |list| send.send(list).expect("somebody waits"), Vec::new));
        answer.try_recv().expect("it answers at once")
    }

    /// What somebody is told who wants to come in.
    pub(crate) fn dial(&mut self, who: &Person, hello: &Hello) -> (Client, Vec<String>) {
        self.world.through(who.listener);
        self.world.come_from(who.host);
        let hello = who.user.iter().fold(hello.clone(), |hello, user| hello.user(user, ""));
        let client = self.world.dial(&hello);
        self.settle();
        (client, self.world.take(client))
    }

    /// Somebody comes in for this connection alone.
    pub(crate) fn enter(&mut self, who: &Person, edition: Version) -> Client {
        self.enter_as(who, &Hello::new(who.client).version(edition)).0
    }

    /// Somebody comes in; what follows the CONNACK.
    pub(crate) fn enter_as(&mut self, who: &Person, hello: &Hello) -> (Client, Vec<String>) {
        let (client, mut lines) = self.dial(who, hello);
        assert!(lines.first().is_some_and(|line| line.starts_with("CONNACK Success")), "{who:?}: {lines:?}");
        lines.remove(0);
        (client, lines)
    }

    /// Who is in with everything, and hears everything.
    pub(crate) fn boss(&mut self) -> Client {
        let boss = self.enter(BOSS, Version::V5);
        self.subscribe(boss, &subscribe(1, "#", 2));
        boss
    }

    pub(crate) fn publish(&mut self, client: Client, packet: &Pub) {
        self.world.publish(client, packet);
        self.settle();
    }

    /// The codes of the SUBACK, and what came behind it.
    pub(crate) fn subscribe(&mut self, client: Client, packet: &Sub) -> (Vec<u8>, Vec<String>) {
        self.world.subscribe(client, packet);
        self.settle();
        let mut lines = self.world.take(client);
        let at = lines.iter().position(|line| line.starts_with("SUBACK")).expect("an answer");
        let answer = lines.remove(at);
        let codes = answer.split(' ').skip(2).map_while(|word| u8::from_str_radix(word, 16).ok());
        (codes.collect(), lines)
    }

    pub(crate) fn counters(&mut self) -> Counters {
        self.world.counters()
    }

    pub(crate) fn subscriptions(&mut self, client_id: &str) -> usize {
        self.world.session(client_id).map_or(0, |session| session.subscriptions)
    }

    /// Whether the connection goes on as before, as one that was refused something does.
    pub(crate) fn is_well(&mut self, client: Client) -> bool {
        self.publish(client, &postrider_testkit::publish(PUBLIC, "well"));
        !self.world.is_closed(client)
    }
}

/// A session that outlives its connection.
pub(crate) fn lasting(client_id: &str, edition: Version) -> Hello {
    let hello = Hello::new(client_id).version(edition);
    if edition.is_v5() { hello.expiry(1000) } else { hello.resume() }
}

/// Whether what is protected is among these.
pub(crate) fn is_among(lines: &[String]) -> bool {
    lines.iter().any(|line| line.starts_with("PUBLISH ") && line.contains("own/ann/lamp/x "))
}

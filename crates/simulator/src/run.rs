//! A run: time passes in slices, each process has its turn in each, and what the plan says happens.

use crate::chat::{Network, PERSON};
use crate::outside::World;
use crate::people::{People, now, unended};
use crate::plan::{Hints, Kind, Plan};
use crate::process::{Ground, Process, policy, principal, runtime};
use crate::{Chance, stage};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::broadcast::Receiver;
use wardroom_coordinator::{Clock, mint};
use wardroom_domain::{
    Identity, LinkedIdentity, OrgId, Role, Timestamp, User, UserId, UserStatus, Waymark,
};
use wardroom_store::{AuditSigner, Hint, OpenOptions, Outside, Store, Write};

/// How long a slice is.
const SLICE: Duration = Duration::from_millis(20);
/// After how many slices everything must have ended: the longest pause of the road, and room.
const SLICES_MAX: u32 = 6000;
/// How long a process that is struck to sleep does so, in slices: beyond its lease.
const SLEEP_SLICES: u32 = 60;
/// How long nobody notices that a process is gone.
const LEASE_SLICES: u32 = 10;
/// When people begin to look for questions, and how often.
const PEOPLE_EVERY: u32 = 3;
/// How long everything goes on when it has ended, in slices: chains are signed every two seconds.
const AFTERMATH: u32 = 110;

/// How a run went.
#[derive(Debug)]
pub struct Report {
    /// How often each waymark was reached.
    pub reached: BTreeMap<Waymark, u32>,
    /// How many strikes of the plan fell.
    pub struck: u32,
    /// How often the world was touched.
    pub happened: usize,
    /// How many tasks there were.
    pub tasks: usize,
    /// How many slices it took.
    pub slices: u32,
    /// The hash of everything that was written down: two runs of one plan have the same.
    pub trace: String,
    /// What went wrong; nothing if all went well.
    pub wrong: Vec<String>,
}

/// Plays a plan.
pub fn run(plan: &Plan) -> Report {
    let folder = tempfile::Builder::new()
        .prefix("wardroom-simulation")
        .tempdir_in(memory())
        .expect("a folder in memory");
    stage::open(&plan.strikes);
    let mut game = Game::new(plan.clone(), folder.path());
    game.play();
    game.examine()
}

/// Where files cost no disk.
fn memory() -> PathBuf {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() {
        shared.to_owned()
    } else {
        std::env::temp_dir()
    }
}

struct Game {
    plan: Plan,
    folder: PathBuf,
    chance: Chance,
    policy: wardroom_policy::decide::Policy,
    world: World,
    network: Network,
    signer: AuditSigner,
    outside: Runtime,
    /// The first handle of the store: it hears every hint, and nobody works with it.
    store: Store,
    wire: Receiver<Hint>,
    late: Vec<Hint>,
    org: OrgId,
    people: People,
    now: Timestamp,
    processes: Vec<Process>,
    /// When the next process is started in place of one that is gone.
    starts_at: Option<u32>,
    started: u64,
    struck: u32,
    slice: u32,
    wrong: Vec<String>,
}

impl Game {
    fn new(plan: Plan, folder: &Path) -> Self {
        for name in ["workspaces", "views", "snapshots", "uploads"] {
            std::fs::create_dir(folder.join(name)).expect("a folder");
        }
        let began = Timestamp::from_micros(1_800_000_000_000_000);
        let options = OpenOptions::write(began).here();
        let store = Store::open(&folder.join("wardroom.db"), options).expect("a store");
        let clock = Clock::seeded(began, plan.seed);
        let (org, user) = first_rows(&store, &clock);
        let by = principal(org, &user);
        let mut game = Self {
            chance: Chance::of(plan.seed),
            policy: shared_policy(),
            world: World::new(plan.seed ^ 0xfeed),
            network: Network::new(plan.seed ^ 0xc4a7),
            signer: AuditSigner::load_or_create(&folder.join("audit.key")).expect("a key"),
            outside: runtime(),
            wire: store.hints(),
            late: Vec::new(),
            org,
            people: People::new(by, plan.seed ^ 0xbeef),
            now: began,
            processes: Vec::new(),
            starts_at: None,
            started: 0,
            struck: 0,
            slice: 0,
            wrong: Vec::new(),
            folder: folder.to_owned(),
            store,
            plan,
        };
        for _ in 0..game.plan.workers {
            game.start();
        }
        game
    }

    /// Another process. It frees what those held who are gone, or who sleep beyond their lease.
    fn start(&mut self) {
        let is_awake = |process: &&Process| process.asleep == 0;
        let living = self.processes.iter().filter(is_awake);
        let store = self
            .store
            .another(self.now, living.map(|process| &process.store))
            .expect("another process");
        self.started += 1;
        let clock = Clock::seeded(self.now, self.plan.seed.wrapping_add(self.started << 32));
        let ground = Ground {
            folder: &self.folder,
            org: self.org,
            world: &self.world,
            network: &self.network,
            signer: &self.signer,
            outside: self.outside.handle(),
            policy: &self.policy,
        };
        let is_alone = self.processes.is_empty();
        let mut process = Process::start(&ground, self.started, store, clock, is_alone);
        if self.plan.clocks_jump {
            let seconds = *self.chance.one_of(&[-3600, -90, 0, 90, 3600]);
            process.off = seconds * 1_000_000;
        }
        self.processes.push(process);
    }

    fn play(&mut self) {
        while self.slice < SLICES_MAX && self.wrong.is_empty() {
            self.passes();
            self.carry_hints();
            if self.starts_at.is_some_and(|at| at <= self.slice) {
                self.starts_at = None;
                self.start();
            }
            if self.slice.is_multiple_of(PEOPLE_EVERY) && self.people_act() {
                return;
            }
        }
        if self.wrong.is_empty() {
            let left = now(unended(&self.store, self.org));
            self.wrong.push(format!("did not end: {left:#?}"));
        }
    }

    /// A slice passes.
    fn passes(&mut self) {
        self.slice += 1;
        self.now = self.now.after(SLICE);
        self.network.now_is(self.slice);
        self.everybody_runs();
        self.outside
            .block_on(async { tokio::time::sleep(SLICE).await });
    }

    /// Each process has its turn, in an order of chance.
    fn everybody_runs(&mut self) {
        let count = self.processes.len();
        let first = usize::try_from(self.chance.below(count as u64)).unwrap_or_default();
        let mut gone = Vec::new();
        for turn in 0..count {
            let place = (first + turn) % count;
            let process = &mut self.processes[place];
            if process.asleep > 0 {
                process.asleep -= 1;
                continue;
            }
            process.runs(self.now, SLICE);
            let Some(strike) = stage::take() else {
                continue;
            };
            self.struck += 1;
            self.network.loses(process.number);
            match strike.kind {
                Kind::Crash => gone.push(place),
                Kind::Sleep => process.asleep = SLEEP_SLICES,
            }
            self.starts_at = Some(self.slice + LEASE_SLICES);
            self.examine_rows(&format!("after {strike:?}"));
        }
        gone.sort_unstable_by(|a, b| b.cmp(a));
        for place in gone {
            drop(self.processes.remove(place));
        }
    }

    /// Hints go from who gave them to everybody else, as the plan says.
    fn carry_hints(&mut self) {
        let mut hints = std::mem::take(&mut self.late);
        while let Ok(hint) = self.wire.try_recv() {
            hints.push(hint);
        }
        match self.plan.hints {
            Hints::Lost => return,
            Hints::All => {}
            Hints::Shuffled => {
                for place in (1..hints.len()).rev() {
                    let other = self.chance.below(place as u64 + 1);
                    hints.swap(place, usize::try_from(other).unwrap_or_default());
                }
                let doubled: Vec<Hint> = hints
                    .iter()
                    .filter(|_| self.chance.percent(30))
                    .cloned()
                    .collect();
                self.late = hints.split_off(hints.len() / 2);
                hints.extend(doubled);
            }
        }
        for process in &self.processes {
            for hint in &hints {
                process.store.whisper(hint.clone());
            }
        }
    }

    /// Whether they are served, and nothing more will go wrong.
    fn people_act(&mut self) -> bool {
        let awake = self.processes.iter().find(|process| process.asleep == 0);
        let Some(process) = awake else { return false };
        self.people.ask(self.slice, process);
        self.people.talk(self.slice, &self.network);
        self.people.answer(&self.store, process, &self.world);
        if self.slice > 12 {
            self.people.stop_some(process);
        }
        // Somebody who sleeps still has to wake, and to find that he is too late.
        let sleeps = self.processes.iter().any(|process| process.asleep > 0);
        let waits = self.starts_at.is_some();
        !sleeps
            && !waits
            && self.people.are_served(&self.store)
            && self.people.are_answered(&self.store, &self.network)
    }

    fn examine_rows(&mut self, when: &str) {
        let outside = Outside {
            happened: self.world.happened(),
            acknowledged: crate::people::lock(&self.people.acknowledged).clone(),
            delivered: self.network.confirmed(),
            secrets: Vec::new(),
        };
        let verifier = self.signer.verifier();
        let examined = self.store.examine(&outside, Some(&verifier));
        let examined = examined.expect("the rows");
        let told = examined
            .broken
            .iter()
            .map(|broken| format!("{when}: {broken}"));
        self.wrong.extend(told);
    }

    /// The end: whoever still lives has a moment more, then everything is looked at.
    fn examine(mut self) -> Report {
        for _ in 0..AFTERMATH {
            self.passes();
        }
        self.processes.clear();
        let reached = stage::close();
        self.examine_rows("at the end");
        self.wrong.extend(self.network.doubled());
        let left = now(self.store.anchor(self.org, &self.signer, self.now));
        let left = left.expect("an anchor");
        let unsigned = "I10: the ends of the chains were not signed in time".to_owned();
        self.wrong.extend(left.map(|_| unsigned));
        self.lines_are_there_once();
        let outside = Outside::default();
        let examined = self.store.examine(&outside, None).expect("the rows");
        Report {
            reached,
            struck: self.struck,
            happened: self.world.happened().len(),
            tasks: examined.tasks,
            slices: self.slice,
            trace: trace(&self.store, self.org),
            wrong: self.wrong,
        }
    }

    /// What was carried to a workspace stands there once.
    fn lines_are_there_once(&mut self) {
        for path in files_below(&self.folder.join("workspaces")) {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let mut lines: Vec<&str> = text.lines().collect();
            let count = lines.len();
            lines.sort_unstable();
            lines.dedup();
            if lines.len() != count {
                self.wrong
                    .push(format!("{} has a line twice: {text:?}", path.display()));
            }
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => files_below(&path),
            path => vec![path],
        })
        .collect()
}

fn first_rows(store: &Store, clock: &Clock) -> (OrgId, User) {
    let org = now(store.ensure_org(mint!(clock, OrgId), "default", clock.now())).expect("an org");
    let user = User {
        id: mint!(clock, UserId),
        name: "owner".to_owned(),
        role: Role::Overlord,
        status: UserStatus::Active,
        created_at: clock.now(),
    };
    let linked = LinkedIdentity {
        identity: Identity {
            connector: "sim".to_owned(),
            external_id: PERSON.to_owned(),
        },
        user: user.id,
        display: "Owner".to_owned(),
        linked_at: clock.now(),
        linked_by: user.id.to_string(),
    };
    let writes = vec![Write::AddUser(user.clone()), Write::LinkIdentity(linked)];
    now(store.commit(org, writes)).expect("a person");
    (org, user)
}

/// The rules are compiled once for a thread.
fn shared_policy() -> wardroom_policy::decide::Policy {
    thread_local! {
        static POLICY: wardroom_policy::decide::Policy = policy();
    }
    POLICY.with(Clone::clone)
}

/// The heads of all journals, hashed.
fn trace(store: &Store, org: OrgId) -> String {
    let page = wardroom_store::Page::default();
    let tasks = now(store.tasks(org, &wardroom_store::TaskFilter::default(), &page));
    let tasks = tasks.expect("the tasks").items;
    let heads = tasks.iter().map(|row| {
        let journal = now(store.journal(org, row.task.id, 0)).expect("the journal");
        journal.last().map(|line| line.hash.to_string())
    });
    wardroom_domain::Digest::of(&heads.collect::<Vec<_>>()).to_string()
}

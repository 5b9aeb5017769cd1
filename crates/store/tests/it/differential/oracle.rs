//! The store as its documentation has it, in a few maps.

use super::deed::{Deed, Players};
use std::collections::{BTreeMap, BTreeSet};
use wardroom_domain::*;

type Answer = Result<String, &'static str>;

#[derive(Clone, Debug)]
struct Held {
    status: TaskStatus,
    person: usize,
    fence: u64,
    ver: u64,
    is_claimed: bool,
    /// From when it may be claimed.
    ready: Option<i64>,
    mail: Vec<(u64, bool)>,
    facts: Vec<u64>,
    effects: BTreeMap<u32, (bool, u64)>,
}

#[derive(Clone, Debug, Default)]
struct Asked {
    decision: Option<ApprovalDecision>,
    is_spent: bool,
}

#[derive(Clone, Debug)]
struct Posted {
    key: u64,
    place: u64,
    next: i64,
    attempts: u32,
    is_over: bool,
}

/// Everything, as plainly as it can be.
pub struct Oracle {
    players: Players,
    tasks: BTreeMap<usize, Held>,
    questions: BTreeMap<usize, Asked>,
    inbox: BTreeMap<u64, bool>,
    /// In the order in which they were written.
    outbox: Vec<(usize, Posted)>,
    turns: [u64; 2],
    turn: u64,
    /// Whose id comes first.
    first: usize,
}

/// Before everything: what is woken is ready at once.
const AT_ONCE: i64 = i64::MIN;
const NOW: i64 = 50;

impl Oracle {
    /// For the ids of a seed.
    pub fn new(players: Players) -> Self {
        let people = players.people;
        Self {
            players,
            tasks: BTreeMap::new(),
            questions: BTreeMap::new(),
            inbox: BTreeMap::new(),
            outbox: Vec::new(),
            turns: [0; 2],
            turn: 0,
            first: usize::from(people[1].to_string() < people[0].to_string()),
        }
    }

    pub fn fence_and_ver(&self, task: usize) -> (u64, u64) {
        self.tasks
            .get(&task)
            .map_or((0, 0), |held| (held.fence, held.ver))
    }

    pub fn answer(&mut self, deed: &Deed) -> String {
        match self.carry_out(deed) {
            Ok(given) if given.is_empty() => "done".to_owned(),
            Ok(given) => format!("done {given}"),
            Err(refusal) => refusal.to_owned(),
        }
    }

    fn carry_out(&mut self, deed: &Deed) -> Answer {
        match *deed {
            Deed::Create {
                task,
                person,
                ready,
            } => self.create(task, person, ready),
            Deed::Claim { most, per_user } => Ok(format!("{:?}", self.claim(most, per_user))),
            Deed::ClaimOne { task } => {
                let held = self.tasks.get(&task).ok_or("NotFound")?;
                let is_free = !held.is_claimed && !held.status.is_terminal();
                if is_free {
                    self.take(task);
                }
                Ok(is_free.to_string())
            }
            Deed::Save {
                task,
                fence,
                ver,
                status,
                ready,
            } => self.save(task, fence, ver, status, ready),
            Deed::Release { task, fence, ready } => {
                let held = self.held(task, fence)?;
                held.is_claimed = false;
                if !held.status.is_terminal() {
                    held.make_ready(ready);
                }
                Ok(String::new())
            }
            Deed::Hold { task, fence } => {
                let held = self.held(task, fence)?;
                if held.is_claimed {
                    Ok(String::new())
                } else {
                    Err("Fenced")
                }
            }
            Deed::Mail { task, key } => {
                let held = self.tasks.get_mut(&task).ok_or("NotFound")?;
                if held.mail.iter().all(|(known, _)| *known != key) {
                    held.mail.push((key, false));
                    if !held.is_claimed && !held.status.is_terminal() {
                        held.make_ready(AT_ONCE);
                    }
                }
                Ok(String::new())
            }
            Deed::Read { task, up_to } => {
                if let Some(held) = self.tasks.get_mut(&task) {
                    let count = usize::try_from(up_to).unwrap_or_default();
                    held.mail
                        .iter_mut()
                        .take(count)
                        .for_each(|letter| letter.1 = true);
                }
                Ok(String::new())
            }
            Deed::Intend {
                task,
                effect,
                fence,
            } => {
                let held = self.held(task, fence)?;
                if held.effects.contains_key(&effect) {
                    return Err("Exists");
                }
                held.effects.insert(effect, (false, fence));
                Ok(String::new())
            }
            Deed::Settle {
                task,
                effect,
                fence,
            } => {
                let held = self.held(task, fence)?;
                match held.effects.get_mut(&effect) {
                    Some(open) if !open.0 => {
                        *open = (true, fence);
                        Ok(String::new())
                    }
                    _ => Err("NotFound"),
                }
            }
            Deed::Ask { question, task } => {
                if self.questions.contains_key(&question) {
                    return Err("Exists");
                }
                self.tasks.get(&task).ok_or("Dangling")?;
                self.questions.insert(question, Asked::default());
                Ok(String::new())
            }
            Deed::Decide {
                question,
                decision,
                when,
                is_about_it,
            } => {
                let asked = self.questions.get_mut(&question).ok_or("NotFound")?;
                if asked.decision.is_some() {
                    return Err("AlreadyDecided");
                }
                if decision != ApprovalDecision::Expire {
                    if when >= 100 {
                        return Err("Expired");
                    }
                    if !is_about_it {
                        return Err("DigestMismatch");
                    }
                }
                asked.decision = Some(decision);
                Ok(String::new())
            }
            Deed::Spend { question } => {
                let asked = self.questions.get_mut(&question).ok_or("NotFound")?;
                if asked.decision != Some(ApprovalDecision::Approve) {
                    return Err("NotApproved");
                }
                if std::mem::replace(&mut asked.is_spent, true) {
                    return Err("Spent");
                }
                Ok(String::new())
            }
            Deed::Admit { delivery } => match self.inbox.insert(delivery, false) {
                Some(was_done) => {
                    self.inbox.insert(delivery, was_done);
                    Err("Duplicate")
                }
                None => Ok(String::new()),
            },
            Deed::Answer { delivery } => match self.inbox.get_mut(&delivery) {
                Some(done) if !*done => {
                    *done = true;
                    Ok(String::new())
                }
                _ => Err("NotFound"),
            },
            Deed::Post { post, key, place } => {
                let is_known = |(id, posted): &(usize, Posted)| *id == post || posted.key == key;
                if !self.outbox.iter().any(is_known) {
                    let posted = Posted {
                        key,
                        place,
                        next: 1,
                        attempts: 0,
                        is_over: false,
                    };
                    self.outbox.push((post, posted));
                }
                Ok(String::new())
            }
            Deed::Sent { post } | Deed::Dropped { post } => {
                self.waiting(post)?.is_over = true;
                Ok(String::new())
            }
            Deed::Failed { post, next } => {
                let posted = self.waiting(post)?;
                (posted.attempts, posted.next) = (posted.attempts + 1, next);
                Ok(String::new())
            }
            Deed::Restart => {
                self.turns = [0; 2];
                self.turn = 0;
                for held in self.tasks.values_mut().filter(|held| held.is_claimed) {
                    held.is_claimed = false;
                    if !held.status.is_terminal() {
                        held.make_ready(AT_ONCE);
                    }
                }
                Ok(String::new())
            }
        }
    }

    fn create(&mut self, task: usize, person: usize, ready: Option<i64>) -> Answer {
        if self.tasks.contains_key(&task) {
            return Err("Exists");
        }
        let held = Held {
            status: TaskStatus::Queued,
            person,
            fence: 0,
            ver: 0,
            is_claimed: false,
            ready,
            mail: Vec::new(),
            facts: Vec::new(),
            effects: BTreeMap::new(),
        };
        self.tasks.insert(task, held);
        Ok(String::new())
    }

    fn held(&mut self, task: usize, fence: u64) -> Result<&mut Held, &'static str> {
        let held = self.tasks.get_mut(&task).ok_or("NotFound")?;
        if held.fence == fence {
            Ok(held)
        } else {
            Err("Fenced")
        }
    }

    fn save(
        &mut self,
        task: usize,
        fence: u64,
        ver: u64,
        status: TaskStatus,
        ready: Option<i64>,
    ) -> Answer {
        let held = self.held(task, fence)?;
        if held.ver != ver {
            return Err("Fenced");
        }
        if held.status != status && !held.status.may_become(status) {
            return Err("IllegalMove");
        }
        let keeps = status == TaskStatus::Running && ready.is_none();
        held.status = status;
        held.ver += 1;
        held.facts.push(fence);
        if keeps {
            return Ok(String::new());
        }
        held.is_claimed = false;
        held.ready = None;
        if status.is_terminal() {
            return Ok(String::new());
        }
        held.ready = ready;
        if held.mail.iter().any(|(_, is_read)| !is_read) {
            held.make_ready(AT_ONCE);
        }
        Ok(String::new())
    }

    /// One per person and round: who holds least first, then who waited longest for his turn.
    fn claim(&mut self, most: usize, per_user: u32) -> Vec<usize> {
        let people: BTreeSet<usize> = self
            .tasks
            .values()
            .filter(|held| held.ready.is_some())
            .map(|held| held.person)
            .collect();
        let holds = |person: usize| {
            let held = self.tasks.values().filter(|held| held.is_claimed);
            held.filter(|held| held.person == person).count() as u32
        };
        let mut waiting: Vec<(usize, u32)> = people
            .into_iter()
            .map(|person| (person, holds(person)))
            .collect();
        waiting.sort_by_key(|(person, held)| (*held, self.turns[*person], *person != self.first));
        let mut claimed = Vec::new();
        while !waiting.is_empty() && claimed.len() < most {
            let mut served = Vec::new();
            for (person, held) in waiting {
                if claimed.len() == most || held >= per_user {
                    continue;
                }
                if let Some(task) = self.best_of(person) {
                    self.take(task);
                    self.turn += 1;
                    self.turns[person] = self.turn;
                    claimed.push(task);
                    served.push((person, held + 1));
                }
            }
            waiting = served;
        }
        claimed
    }

    fn best_of(&self, person: usize) -> Option<usize> {
        let due = |held: &Held| {
            held.ready
                .filter(|ready| held.person == person && *ready <= NOW)
        };
        let ready = self
            .tasks
            .iter()
            .filter_map(|(task, held)| Some((due(held)?, *task)));
        ready.min().map(|(_, task)| task)
    }

    fn take(&mut self, task: usize) {
        if let Some(held) = self.tasks.get_mut(&task) {
            held.ready = None;
            held.is_claimed = true;
            held.fence += 1;
        }
    }

    fn waiting(&mut self, post: usize) -> Result<&mut Posted, &'static str> {
        let mut outbox = self.outbox.iter_mut();
        let found = outbox.find(|(id, posted)| *id == post && !posted.is_over);
        found.map(|(_, posted)| posted).ok_or("NotFound")
    }

    /// What somebody sees, in the words of [`super::seen`].
    pub fn seen(&self) -> BTreeMap<String, String> {
        let mut seen = BTreeMap::new();
        for (&number, held) in &self.tasks {
            let id = self.players.tasks[number];
            let line = format!(
                "{} {} {} {}",
                held.status, held.fence, held.ver, held.is_claimed
            );
            seen.insert(format!("task {id}"), line);
            let unread: Vec<i64> = (1..)
                .zip(&held.mail)
                .filter(|(_, (_, is_read))| !is_read)
                .map(|(seq, _)| seq)
                .collect();
            seen.insert(format!("mail {id}"), format!("{unread:?}"));
            let facts: Vec<(i64, u64)> = (1..).zip(held.facts.iter().copied()).collect();
            seen.insert(format!("journal {id}"), format!("{facts:?}"));
            for (&effect, (is_done, fence)) in &held.effects {
                let state = if *is_done {
                    EffectState::Done
                } else {
                    EffectState::Intent
                };
                let id = self.players.effect_id(number, effect);
                seen.insert(format!("effect {id}"), format!("{state} {fence}"));
            }
        }
        for (&number, asked) in &self.questions {
            let decision = asked.decision.map(|decision| decision.to_string());
            let id = self.players.questions[number];
            seen.insert(
                format!("question {id}"),
                format!("{decision:?} {}", asked.is_spent),
            );
        }
        let pending = self.inbox.iter().filter(|(_, is_done)| !**is_done);
        let pending: Vec<String> = pending.map(|(delivery, _)| delivery.to_string()).collect();
        seen.insert("inbox".to_owned(), format!("{pending:?}"));
        seen.insert("outbox".to_owned(), format!("{:?}", self.heads()));
        let ready = self
            .tasks
            .values()
            .filter(|held| held.ready.is_some_and(|at| at <= NOW));
        seen.insert("ready".to_owned(), ready.count().to_string());
        seen
    }

    /// The first of each place, if it is due.
    fn heads(&self) -> Vec<(OutboxId, u32)> {
        let mut places = BTreeSet::new();
        let waiting = self.outbox.iter().filter(|(_, posted)| !posted.is_over);
        let heads = waiting.filter(|(_, posted)| places.insert(posted.place));
        heads
            .filter(|(_, posted)| posted.next <= NOW)
            .map(|(post, posted)| (self.players.posts[*post], posted.attempts))
            .collect()
    }
}

impl Held {
    /// At this time, or at the earlier one that it has.
    fn make_ready(&mut self, at: i64) {
        self.ready = Some(self.ready.map_or(at, |ready| ready.min(at)));
    }
}

//! What confines the crew's commands, seen by the people who rely on it.

use crate::remains::{marker, processes, views};
use crate::script::{Script, script, unquoted};
use crate::{laptop, world};
use std::fs;
use std::path::{Path, PathBuf};
use wardroom_api::approval::{Approval, Verdict};
use wardroom_api::sandbox::Enforced;
use wardroom_api::task::Task;
use wardroom_domain::{RiskTier, TaskId, TaskStatus};
use wardroom_testkit::world::{Person, World, eventually};

async fn result_of(person: &Person, task: TaskId) -> String {
    let done = person.awaits(task, TaskStatus::Succeeded).await;
    done.result.unwrap_or_default()
}

/// A project under version control.
fn repository(world: &World) -> PathBuf {
    world.project(&[
        ("README.md", "hello\n"),
        (".git/HEAD", "ref: refs/heads/main\n"),
        (".git/config", "[core]\n\tbare = false\n"),
        (".git/hooks/sample", "#!/bin/sh\n"),
        ("lib/.git/config", "[core]\n"),
    ])
}

/// Every way to leave something where a program of the host obeys it.
const TRICKS: &str = "\
    exec 2>&1; echo x > .git/hooks/pre-commit; echo x >> .git/config; git config core.hooksPath /tmp; \
    mv .git aside; rm -rf .git/hooks; ln -sf /tmp/evil .git/hooks/pre-push; echo x > lib/.git/config; \
    mkdir -p .github/workflows && echo x > .github/workflows/ci.yml; rm -rf .github; mv .github b; \
    echo x > .gitlab-ci.yml; mkdir .claude; echo x > .claude/settings.json; mv .claude c; \
    rmdir .claude; ln -s /tmp .mcp.json; chmod 777 .git/config; echo tried";

#[tokio::test(flavor = "multi_thread")]
async fn protected_places_stay_as_they_are() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let folder = repository(&world);
    let workspace = owner.opens(&folder).await;
    let work = script()
        .shell(TRICKS)
        .calls("file_list", serde_json::json!({"path": "."}))
        .writes(".github/workflows/ci.yml", "on: push\n")
        .says("{last}");
    let task = owner.asks_in(&work.to_string(), workspace).await;
    let said = result_of(&owner, task).await;
    assert!(said.contains("this place is protected"), "{said}");
    let sent = world.model.recorded();
    let listed = sent.last().expect("a turn").body["messages"].to_string();
    assert!(
        listed.contains("README.md") && !listed.contains(".claude/\\n"),
        "{listed}"
    );
    // Nothing was changed, so nobody is asked, and the folder is as it was.
    assert!(
        owner
            .client
            .diff(task)
            .await
            .expect("the diff")
            .changes
            .is_empty()
    );
    assert_eq!(read(&folder, ".git/config"), "[core]\n\tbare = false\n");
    for absent in [
        ".github",
        ".claude",
        ".gitlab-ci.yml",
        ".mcp.json",
        ".git/hooks/pre-commit",
    ] {
        assert!(
            fs::symlink_metadata(folder.join(absent)).is_err(),
            "{absent}"
        );
    }
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_default()
}

/// A task that leaves something dangerous, and the question about it.
async fn is_named(world: &World, owner: &Person, folder: &Path, work: Script) -> Approval {
    let workspace = owner.opens(folder).await;
    let task = owner
        .asks_in(&work.says("Done.").to_string(), workspace)
        .await;
    let question = owner.is_asked().await;
    assert_eq!((question.task, question.tool.as_str()), (task, "apply"));
    assert_eq!(
        question.tier,
        RiskTier::L3Privileged,
        "{}",
        question.rationale
    );
    let denied = owner.decides(question.id, Verdict::Deny).await;
    denied.expect("a decision");
    owner.awaits(task, TaskStatus::Succeeded).await;
    assert!(world.audit_is_whole());
    question
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_of_the_host_would_obey_is_named_before_it_is_applied() {
    let world = world(laptop()).await;
    let owner = world.owner();
    // A fresh folder may become a repository, and a nested one is the task's own.
    let fresh = world.folder().join("fresh");
    fs::create_dir(&fresh).expect("a folder");
    let plants = script().shell("mkdir -p .git/hooks; echo x > .git/hooks/post-checkout");
    let question = is_named(&world, &owner, &fresh, plants).await;
    assert!(
        question.rationale.contains("`.git/hooks`"),
        "{}",
        question.rationale
    );
    assert!(!fresh.join(".git").exists());
    let folder = repository(&world);
    let brings = script().shell("mkdir -p new/.git && echo '[core]' > new/.git/config");
    let question = is_named(&world, &owner, &folder, brings).await;
    assert!(
        question.rationale.contains("`new/.git/config`"),
        "{}",
        question.rationale
    );
    assert!(!folder.join("new").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_the_org_opens_can_be_changed_and_is_named_still() {
    let setup = laptop().with("[sandbox]\nunprotect = [\".github/workflows\"]\n");
    let world = world(setup).await;
    let owner = world.owner();
    let folder = repository(&world);
    let writes = script().writes(".github/workflows/ci.yml", "on: push\n");
    let question = is_named(&world, &owner, &folder, writes).await;
    assert!(
        question.rationale.contains("`.github/workflows`"),
        "{}",
        question.rationale
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn less_than_is_required_is_a_refusal_with_a_way_out() {
    let world = world(laptop().with("[sandbox]\nrequire = [\"own_kernel\"]\n")).await;
    let owner = world.owner();
    let marker = marker();
    let task = owner
        .asks(&script().shell(&format!("sleep {marker}")).to_string())
        .await;
    let ended = owner.awaits_end(task).await;
    assert_eq!(ended.status, TaskStatus::Failed);
    let error = ended.error.unwrap_or_default();
    for part in [
        "a kernel of its own is demanded",
        "runsc",
        "sandbox.require",
        "doctor sandbox",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(processes(&marker), 0, "nothing ran");
    let doctor = world
        .verb(&["doctor", "sandbox"])
        .expect_err("something is missing");
    assert!(
        doctor.contains("a kernel of its own is demanded"),
        "{doctor}"
    );
    let data = world.data().display().to_string();
    let by_hand = world.verb(&["sandbox", "run", "--data", &data, "--", "true"]);
    let by_hand = by_hand.expect_err("a refusal");
    assert!(
        by_hand.contains("a kernel of its own is demanded"),
        "{by_hand}"
    );
    let confinement = confinement(&owner).await;
    assert!(
        confinement
            .unmet
            .unwrap_or_default()
            .contains("a kernel of its own")
    );
}

async fn confinement(person: &Person) -> wardroom_api::sandbox::Confinement {
    eventually("the trial to end", || async {
        let me = person.client.me().await.expect("himself");
        assert_eq!(me.no_sandbox, None);
        me.sandbox
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_learns_what_is_enforced() {
    let world = world(laptop()).await;
    let found = confinement(&world.person("vera", "viewer")).await;
    assert_eq!((found.backend.as_str(), &found.unmet), ("native", &None));
    let border = |name: &str| {
        let found = found.borders.iter().find(|border| border.name == name);
        found.unwrap_or_else(|| panic!("{name}: {found:?}")).clone()
    };
    for always in [
        "namespaces",
        "system calls",
        "network",
        "files",
        "processes",
    ] {
        assert_eq!(border(always).enforced, Enforced::Kernel, "{always}");
    }
    let disk = border("disk space");
    assert_eq!(disk.enforced, Enforced::BestEffort);
    assert!(disk.why.unwrap_or_default().contains("watchdog"));
    let doctor = world.verb(&["doctor", "sandbox"]).expect("all is well");
    for border in &found.borders {
        assert!(
            doctor.contains(&format!("sandbox: {}", border.name)),
            "{doctor}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_kills_its_runner_harms_itself_alone() {
    let world = world(laptop()).await;
    let (owner, member) = (world.owner(), world.person("mara", "member"));
    let kills = script()
        .shell("echo kept > kept")
        .shell("exec 2>&1; echo forged > /proc/$PPID/fd/1; cat /proc/$PPID/mem; true")
        .shell("kill -STOP $PPID; kill -9 $PPID; sleep 30")
        .shell("cat kept")
        .says("{last}");
    let beside = script().shell("sleep 2; echo beside").says("{last}");
    let (first, second) = (
        owner.asks(&kills.to_string()).await,
        member.asks(&beside.to_string()).await,
    );
    assert_eq!(result_of(&member, second).await.trim(), "beside");
    assert_eq!(result_of(&owner, first).await.trim(), "kept");
    let told = world
        .model
        .recorded()
        .iter()
        .map(|sent| sent.body.to_string())
        .collect::<String>();
    assert!(
        told.contains("/fd/1: Permission denied"),
        "its streams are closed to the command"
    );
    assert!(told.contains("the sandbox ended under the action"));
    assert!(told.contains("a fresh sandbox is made for the next call"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_grows_too_large_ends_its_command_and_keeps_the_rest() {
    let world = world(laptop().with("[sandbox]\ndisk_max_mib = 8\nfiles_max = 500\n")).await;
    let owner = world.owner();
    let fills = script()
        .shell("echo kept > kept")
        .shell("head -c 64M /dev/zero > big; sleep 60")
        .shell("seq 2000 | xargs touch; sleep 60")
        .shell("ls")
        .says("{last}");
    let task = owner.asks(&fills.to_string()).await;
    assert_eq!(result_of(&owner, task).await.trim(), "kept");
    let told = world
        .model
        .recorded()
        .iter()
        .map(|sent| sent.body.to_string())
        .collect::<String>();
    assert!(
        told.contains("the workspace grew beyond its space"),
        "{told}"
    );
}

const WALLED: &str = "[sandbox]\nrequire = [\"disk\"]\ndisk_max_mib = 8\nfiles_max = 500\n";

/// Loop devices of the host over files of this world.
fn loop_devices(world: &World) -> Vec<String> {
    let devices = fs::read_dir("/sys/block")
        .expect("the block devices")
        .flatten();
    let files = devices
        .filter_map(|device| fs::read_to_string(device.path().join("loop/backing_file")).ok());
    let data = world.data().display().to_string();
    files.filter(|file| file.starts_with(&data)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_in_a_volume_is_full_when_the_kernel_says_so() {
    let world = world(laptop().with(WALLED)).await;
    let owner = world.owner();
    let found = confinement(&owner).await;
    let fills = script()
        .shell("echo kept > kept")
        .shell("head -c 64M /dev/zero > big; echo ended with $?; rm big")
        .shell("seq 2000 | xargs touch; ls | wc -l; rm -f [0-9]*")
        .shell("cat kept; df --output=size -m . | tail -1")
        .says("{last}");
    let task = owner.asks(&fills.to_string()).await;
    let ended = owner.awaits_end(task).await;
    if !rustix::process::geteuid().is_root() {
        let error = ended.error.unwrap_or_default();
        assert!(
            error.contains("a disk quota by the kernel is demanded"),
            "{error}"
        );
        assert!(error.contains("run the server as root"), "{error}");
        return;
    }
    assert_eq!(found.unmet, None);
    let disk = found
        .borders
        .iter()
        .find(|border| border.name == "disk space");
    assert_eq!(disk.expect("a border").enforced, Enforced::Kernel);
    assert_eq!(ended.status, TaskStatus::Succeeded, "{:?}", ended.error);
    let said = ended.result.unwrap_or_default();
    assert!(said.starts_with("kept"), "{said}");
    let told = world
        .model
        .recorded()
        .iter()
        .map(|sent| sent.body.to_string())
        .collect::<String>();
    assert!(
        told.contains("No space left on device") && told.contains("ended with 1"),
        "{told}"
    );
    assert!(
        !told.contains("grew beyond its space"),
        "no watchdog was needed"
    );
    eventually("the view and its volume to be gone", || async {
        (loop_devices(&world).is_empty() && views(&world) == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_leaves_no_volume_behind_and_the_view_goes_on_in_it() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let mut world = world(laptop().with(WALLED)).await;
    let marker = marker();
    let work = script()
        .shell("echo first > first")
        .shell(&format!(
            "echo second > second; [ -e /tmp/again ] || sleep {marker}"
        ))
        .shell("ls; head -c 64M /dev/zero > big")
        .says("{last}");
    let task = world.owner().asks(&work.to_string()).await;
    eventually("the command to run", || async {
        (processes(&marker) > 0).then_some(())
    })
    .await;
    assert_eq!(loop_devices(&world).len(), 1);
    world.kill();
    eventually("the volume to be gone", || async {
        loop_devices(&world).is_empty().then_some(())
    })
    .await;
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("the mounts");
    assert!(
        !mounts.contains(&world.data().display().to_string()),
        "{mounts}"
    );
    world.up();
    let owner = world.owner();
    eventually(
        "the command to run again, or the question about it",
        || async {
            (processes(&marker) > 0 || owner.sees(task).await.status == TaskStatus::WaitingApproval)
                .then_some(())
        },
    )
    .await;
    assert_eq!(loop_devices(&world).len(), 1, "its view was opened again");
    owner.client.cancel_task(task).await.expect("he may");
    owner.awaits_end(task).await;
    eventually("nothing to be left", || async {
        (loop_devices(&world).is_empty() && processes(&marker) == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_volume_can_be_had_a_demand_for_one_is_a_refusal() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let hides = "mount --bind /dev/null /dev/loop-control && exec \"$@\"";
    let setup = laptop().with(WALLED);
    let world = world(setup.wrapped(&["unshare", "-m", "sh", "-c", hides, "sh"])).await;
    let owner = world.owner();
    let marker = marker();
    let task = owner
        .asks(&script().shell(&format!("sleep {marker}")).to_string())
        .await;
    let ended = owner.awaits_end(task).await;
    assert_eq!(ended.status, TaskStatus::Failed);
    let error = ended.error.unwrap_or_default();
    assert!(
        error.contains("a disk quota by the kernel is demanded"),
        "{error}"
    );
    assert!(error.contains("loop device"), "{error}");
    assert_eq!(processes(&marker), 0, "nothing ran");
    let unmet = confinement(&owner).await.unmet.unwrap_or_default();
    assert!(unmet.contains("a trial of them failed"), "{unmet}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_at_once_see_nothing_of_each_other() {
    let world = world(laptop()).await;
    let (alice, bob) = (
        world.person("alice", "member"),
        world.person("bob", "member"),
    );
    let marker = marker();
    let hides = format!(
        "echo tide-table > note; echo tide-table > /tmp/note; echo tide-table > /dev/shm/note; \
         echo tide-table > ~/note; TIDE=tide-table sleep {marker}"
    );
    let hiding = alice.asks(&script().shell(&hides).to_string()).await;
    eventually("alice's command to run", || async {
        (processes(&marker) > 0).then_some(())
    })
    .await;
    // He searches inside, for what he finds is longer than he can be told; the words are put
    // together there, so that he does not find his own search.
    let (head, tail) = marker.split_at(3);
    let looks = format!(
        "exec 2>/dev/null; t=tide; m={head}; \
         (cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ /proc/self/mountinfo | tr '\\0' ' '; \
          grep -rs . /workspace /tmp /dev/shm /home /run /uploads; \
          ls -laR /workspace /tmp /dev/shm /home /run) > ~/all; \
         grep -c -e \"$t-table\" -e \"$m{tail}\" ~/all; grep -q tr ~/all && echo looked"
    );
    let looked = bob
        .asks(&script().shell(&looks).says("{last}").to_string())
        .await;
    let seen = result_of(&bob, looked).await;
    assert!(seen.starts_with("0\nlooked"), "{seen}");
    assert_eq!(processes(&marker), 1);
    assert!(bob.client.task(hiding).await.is_err());
    alice
        .client
        .cancel_task(hiding)
        .await
        .expect("it is stopped");
    alice.awaits_end(hiding).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_commands_and_names_are_answered_in_words() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let folder = world.project(&[("README.md", "hello\n")]);
    let workspace = owner.opens(&folder).await;
    let odd = script()
        .shell("no-such-command --now")
        .shell("printf 'caf\\351 \\033[31mred\\n'; printf 'a' > \"$(printf 'two\\nlines')\"")
        .calls("file_read", serde_json::json!({"path": "two\nlines"}))
        .says("{last}");
    let task = owner.asks_in(&odd.to_string(), workspace).await;
    let question = owner.is_asked().await;
    let diff = question.arguments["diff"].as_str().unwrap_or_default();
    assert!(
        diff.contains("two\\x0alines") && !diff.contains("two\nlines"),
        "{diff}"
    );
    let approved = owner.decides(question.id, Verdict::Approve).await;
    approved.expect("a decision");
    assert_eq!(unquoted(&result_of(&owner, task).await).trim(), "a");
    assert_eq!(read(&folder, "two\nlines"), "a");
    let told = world
        .model
        .recorded()
        .iter()
        .map(|sent| sent.body.to_string())
        .collect::<String>();
    assert!(
        told.contains("no-such-command: command not found"),
        "{told}"
    );
    assert!(
        told.contains("[exit code 127]") && told.contains("caf\u{fffd}"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_vanished_is_a_sentence_and_nothing_runs() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let folder = world.project(&[("README.md", "hello\n")]);
    let workspace = owner.opens(&folder).await;
    fs::remove_dir_all(&folder).expect("it goes");
    let marker = marker();
    let task = owner
        .asks_in(
            &script().shell(&format!("sleep {marker}")).to_string(),
            workspace,
        )
        .await;
    let ended: Task = owner.awaits_end(task).await;
    assert_eq!(ended.status, TaskStatus::Failed);
    let error = ended.error.unwrap_or_default();
    assert!(
        error.contains("project") && error.contains("No such file"),
        "{error}"
    );
    assert_eq!(processes(&marker), 0);
    assert!(!folder.exists());
}

/// The road of a change, in containers of an OCI runtime.
async fn works_in_containers(runtime: &str) {
    let name = match runtime {
        "runsc" => "oci gvisor",
        _ => "oci runc",
    };
    if std::process::Command::new(runtime)
        .arg("--version")
        .output()
        .is_err()
    {
        return skip(name, &format!("{runtime} is not installed here"));
    }
    let tables = format!("[sandbox]\nbackend = \"oci\"\nruntime = \"{runtime}\"\n");
    let world = world(laptop().with(&tables)).await;
    let owner = world.owner();
    let folder = world.project(&[("old.txt", "old\n"), ("keep/notes.md", "one\n")]);
    let workspace = owner.opens(&folder).await;
    let work = script()
        .shell("echo two >> keep/notes.md; rm old.txt; echo x > /usr/x; cat /etc/shadow; true")
        .writes("new.txt", "new\n")
        .calls("file_read", serde_json::json!({"path": "keep/notes.md"}))
        .says("{last}");
    let task = owner.asks_in(&work.to_string(), workspace).await;
    let question = owner.is_asked().await;
    assert_eq!(
        question.tier,
        RiskTier::L2Destructive,
        "{}",
        question.rationale
    );
    assert_eq!(read(&folder, "keep/notes.md"), "one\n");
    let approved = owner.decides(question.id, Verdict::Approve).await;
    approved.expect("a decision");
    assert_eq!(unquoted(&result_of(&owner, task).await), "one\ntwo\n");
    assert_eq!(
        read(&folder, "keep/notes.md") + &read(&folder, "new.txt"),
        "one\ntwo\nnew\n"
    );
    assert!(!folder.join("old.txt").exists());
    let bundles = world.data().join("containers/bundles");
    eventually("the container to be gone", || async {
        let left = fs::read_dir(&bundles).expect("the bundles").count();
        (left == 0).then_some(())
    })
    .await;
}

fn skip(name: &str, why: &str) {
    eprintln!("SKIPPED: {why}");
    if let Some(notes) = std::env::var_os("WARDROOM_SKIPS") {
        use std::io::Write;
        let notes = fs::OpenOptions::new().create(true).append(true).open(notes);
        let _ = notes.and_then(|mut notes| writeln!(notes, "{name}\t{why}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_works_in_a_container() {
    works_in_containers("runc").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_works_on_a_kernel_of_its_own() {
    works_in_containers("runsc").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pdfs_and_archives_are_read_inside() {
    let world = world(laptop()).await;
    let owner = world.owner();
    let text = "BT /F1 18 Tf 20 100 Td (Tides at noon) Tj ET";
    let pdf = format!(
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
         3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n\
         4 0 obj<</Length {}>>stream\n{text}\nendstream endobj\n\
         5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n",
        text.len()
    );
    let folder = world.project(&[("tides.pdf", &pdf), ("broken.pdf", "%PDF-1.4\nnothing")]);
    let workspace = owner.opens(&folder).await;
    let read = |path: &str| ("file_read", serde_json::json!({"path": path}));
    let work = script()
        .shell("mkdir in; echo bee > in/b.txt; tar czf good.tgz in; ln -s /etc/passwd in/link; tar cf bad.tar in; rm -r in")
        .calls_all(&[read("tides.pdf"), read("broken.pdf"), read("good.tgz"), read("good.tgz/in/b.txt")])
        .calls_all(&[
            ("file_move", serde_json::json!({"from": "good.tgz/", "to": "out"})),
            ("file_move", serde_json::json!({"from": "bad.tar/", "to": "evil"})),
        ])
        .shell("rm good.tgz bad.tar; cat out/in/b.txt; ls")
        .shell("rm -r out")
        .says("done");
    let task = owner.asks_in(&work.to_string(), workspace).await;
    assert_eq!(result_of(&owner, task).await, "done");
    let sent = world.model.recorded();
    let told = sent.last().expect("a turn").body["messages"].to_string();
    for part in [
        "a PDF that cannot be read",
        "in/b.txt  4 bytes",
        "unpacked 1 files",
        "it is a link",
        "bee\\nbroken.pdf\\nout\\ntides.pdf",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    if Path::new("/usr/bin/pdftotext").exists() {
        assert!(told.contains("Tides at noon"), "{told}");
    } else {
        skip("pdf", "pdftotext is not installed here");
    }
}

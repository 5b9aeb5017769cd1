//! Clouds, infrastructure, backups, continuous delivery.

use super::super::invocation::{Dash, Grammar};
use super::super::rule::{Rule, When};
use super::Family;

pub static FAMILY: Family = Family {
    rules: RULES,
    grammars: GRAMMARS,
};

const AWS: &[&str] = &["aws", "awslocal", "aliyun", "tccli"];
#[rustfmt::skip]
const GCLOUD: &[&str] = &[
    "gcloud", "az", "ibmcloud", "oci", "doctl", "linode-cli", "hcloud", "scw", "exo", "vultr-cli",
    "openstack", "nova", "glance", "neutron", "yc", "civo", "ovh", "upcloud",
];
#[rustfmt::skip]
const HOSTING: &[&str] = &[
    "heroku", "fly", "flyctl", "vercel", "netlify", "railway", "render", "wrangler", "firebase",
    "supabase", "cf", "surge", "eb", "sam", "cdk", "serverless", "sls", "amplify", "copilot",
    "stripe", "twilio", "sf", "sfdx", "shopify", "circleci", "travis", "gitlab-runner",
    "buildkite-agent", "drone", "jenkins-cli", "sentry-cli", "newrelic", "datadog-ci", "databricks",
    "snow", "kaggle", "huggingface-cli", "hf", "todoist", "trello", "jira", "gcalcli", "notion",
    "algolia", "meilisearch", "okta", "auth0", "launchdarkly", "ldcli", "convex", "pscale", "turso",
    "neonctl", "atlas", "confluent", "deployctl", "argo", "tkn", "concourse", "koji", "copr-cli",
    "bosh", "rover", "apollo", "immich", "tower-cli", "awx", "conjur", "boundary", "waypoint",
    "packer", "ansible-galaxy", "ansible-config", "qm", "pct", "pvesh", "pveum", "pvesm", "pvecm",
    "ha-manager", "virsh", "VBoxManage", "vboxmanage", "govc", "xe", "prlctl", "vmrun", "tart",
    "quickemu", "quickget", "virt-install", "ceph", "rados", "rbd", "gluster", "juju", "maas",
    "lxd", "kcadm.sh", "mc", "s3cmd", "s5cmd", "gsutil", "azcopy", "b2", "rclone", "restic", "borg",
    "duplicity", "duplicati-cli", "kopia", "bup", "rdiff-backup", "rsnapshot", "tarsnap",
    "timeshift", "snapper", "borgmatic", "tmutil", "pgbackrest", "wal-g", "barman", "scontrol",
    "sacctmgr", "sbatch", "scancel", "srun", "salloc", "strigger", "qsub", "qdel", "ipmitool",
];
const TERRAFORM: &[&str] = &[
    "terraform",
    "tofu",
    "terragrunt",
    "pulumi",
    "cdktf",
    "crossplane",
];

#[rustfmt::skip]
static GRAMMARS: &[Grammar] = &[
    Grammar {
        programs: AWS,
        values: &[
            "--region", "--profile", "--output", "--query", "--endpoint-url", "--cli-read-timeout",
            "--color", "--ca-bundle",
        ],
        flags: &["--no-paginate", "--no-cli-pager", "--no-verify-ssl", "--no-sign-request"],
        dash: Dash::Letters,
    },
    Grammar {
        programs: GCLOUD,
        values: &[
            "--project", "--zone", "--region", "--format", "--account", "-g", "--resource-group",
            "-n", "--name", "-o", "--output", "--subscription", "--query", "-s", "--configuration",
            "--filter", "-t", "--context", "--os-cloud",
        ],
        flags: &[],
        dash: Dash::Letters,
    },
    Grammar {
        programs: TERRAFORM,
        values: &["-s", "--stack", "-C", "--cwd"],
        flags: &["-no-color"],
        dash: Dash::Words,
    },
    Grammar {
        programs: HOSTING,
        values: &[
            "-a", "--app", "-r", "--repo", "--config", "--profile", "--project", "-p", "-c",
            "--connect", "-C", "--pool", "-n", "-t", "--team", "--org", "--server", "-s",
            "--namespace", "--user", "-u", "--password-file",
        ],
        flags: &["-P", "--progress", "--stats", "-L", "--local"],
        dash: Dash::Letters,
    },
];

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::reads(
        "aws.read",
        AWS,
        When::Verb(
            &[
                "* describe-*", "* list-*", "* get-*", "* head-*", "* batch-get-*", "* search-*",
                "* lookup-*", "* scan", "* query", "* wait", "* help", "* estimate-*",
                "* simulate-*", "* validate-*", "* filter-log-events", "* check-*", "* preview-*",
                "* detect-*", "* test-*", "s3 ls", "logs tail", "logs get-*", "help",
                "configure list", "configure list-profiles", "sts get-caller-identity", "* list",
                "* describe", "* status", "history list", "history show", "* select",
                "cloudformation validate-template", "sso list-*", "* transact-get-items",
                "* count-*", "* view-*", "ecr batch-check-*", "dynamodb scan", "dynamodb query",
            ],
        ),
        "only looks at the cloud",
        &["aws s3 ls", "aws --region a ec2 describe-instances"],
        &[
            "aws s3 rm s3://a", "aws s3api get-object --bucket a --key b c",
            "aws secretsmanager get-secret-value --secret-id a", "aws sts get-session-token",
        ],
    ).remote(),
    Rule::privileged(
        "aws.secrets",
        AWS,
        When::Verb(
            &[
                "secretsmanager get-secret-value", "secretsmanager batch-get-secret-value",
                "ssm get-parameter", "ssm get-parameters", "ssm get-parameters-by-path",
                "ssm get-parameter-history", "sts get-session-token", "sts assume-role*",
                "sts get-federation-token", "iam create-access-key", "iam create-login-profile",
                "ecr get-login*", "ec2 get-password-data", "eks get-token", "kms decrypt",
                "kms generate-data-key*", "codeartifact get-authorization-token",
                "configure export-credentials", "configure get", "configure", "configure set",
                "sso login", "sso logout", "configure sso", "iam add-*", "iam attach-*",
                "iam put-*", "iam create-*", "iam delete-*", "iam remove-*", "iam update-*",
                "iam detach-*", "iam upload-*", "organizations *", "kms create-*", "kms put-*",
                "kms update-*", "kms schedule-key-deletion", "kms disable-key", "ec2 authorize-*",
                "s3api put-bucket-policy", "s3api put-bucket-acl", "s3api put-public-access-block",
                "s3api delete-public-access-block", "lambda add-permission",
                "rds-data execute-statement", "redshift get-cluster-credentials*",
                "ec2 get-console-*", "cognito-idp admin-*", "lightsail download-default-key-pair",
                "lightsail get-instance-access-details", "rds generate-db-auth-token",
                "ecs execute-command", "ssm start-session", "ssm send-command", "account *",
                "sso-admin *", "identitystore *",
            ],
        ),
        "shows or changes secrets or rights of the cloud",
        &[
            "aws secretsmanager get-secret-value --secret-id a",
            "aws iam create-user --user-name a", "aws sts assume-role --role-arn a",
        ],
        &["aws iam list-users", "aws kms list-keys"],
    ).remote(),
    Rule::reads(
        "aws.rights-look",
        AWS,
        When::Verb(
            &[
                "iam list-*", "iam get-*", "organizations list-*", "organizations describe-*",
                "kms list-*", "kms describe-*", "kms get-*", "sso-admin list-*",
                "sso-admin describe-*", "account get-*", "identitystore list-*", "account list-*",
                "identitystore describe-*",
            ],
        ),
        "only looks at rights of the cloud",
        &["aws iam list-users", "aws kms list-keys"],
        &["aws iam create-user --user-name a"],
    ).remote(),
    Rule::changes(
        "aws.fetch",
        AWS,
        When::Verb(
            &[
                "s3api get-object", "s3 cp s3://* *", "s3api get-object-torrent", "s3 presign",
                "lambda get-function", "ec2 get-launch-template-data", "glacier get-job-output",
                "sqs receive-message", "kinesis get-records", "eks update-kubeconfig",
                "cloudformation package", "ecr-public get-*",
            ],
        ),
        "fetches data from the cloud into files",
        &["aws s3api get-object --bucket a --key b c", "aws s3 cp s3://a/b ."],
        &["aws s3 cp a s3://b/c"],
    ).remote(),
    Rule::destroys(
        "aws.other-endpoint",
        AWS,
        When::Option(&["--endpoint-url", "--no-verify-ssl"]),
        "signs requests for another machine than the cloud",
        &["aws --endpoint-url http://example.org s3 ls"],
        &["aws s3 ls"],
    ).remote(),
    Rule::destroys(
        "aws.change",
        AWS,
        When::Verb(&["* *", "*"]),
        "changes something in the cloud",
        &[
            "aws s3 rm s3://a", "aws ec2 run-instances --image-id a",
            "aws sqs purge-queue --queue-url a", "aws s3 cp a s3://b/c", "aws s3 sync a s3://b",
        ],
        &["aws s3 ls"],
    ).remote(),
    Rule::reads(
        "cloud.read",
        GCLOUD,
        When::Verb(
            &[
                "* list", "* show", "* describe", "* get", "* ls", "* * list", "* * show",
                "* * describe", "* * get", "* * ls", "* * * list", "* * * show", "* * * describe",
                "* * * * list", "* * * * show", "* * * * describe", "info", "version", "help",
                "* list-*", "* * list-*", "* show-*", "* get-iam-policy", "* * get-iam-policy",
                "* get-value", "config list", "auth list", "account show", "account list",
                "topic *", "feedback", "find", "logging read", "components list", "* view",
                "* * view", "* status", "* * status", "* stats", "* logs", "* tail", "* * tail",
                "* log", "cheat-sheet", "* backups-list", "* types", "regions", "list",
                "* disks-list", "* configs-list", "* search", "* *-list", "* *-view",
                "catalog search", "plugin list", "plugins", "api", "* list-fields", "* lint",
                "* validate", "* wait", "quota show", "server list", "image list", "* get-upgrades",
                "* check-name", "* exists", "* metrics", "account get", "balance get",
                "* nodes-list", "* pools-list", "* regions",
            ],
        ),
        "only looks at the cloud",
        &[
            "gcloud compute instances list", "az vm show -n a -g b", "doctl compute droplet list",
            "linode-cli linodes list",
        ],
        &[
            "gcloud compute instances delete a", "az vm create -n a",
            "gcloud secrets versions access latest", "az account get-access-token",
        ],
    ).remote(),
    Rule::changes(
        "cloud.settings",
        GCLOUD,
        When::Verb(
            &[
                "config set", "config unset", "config configurations *", "init", "configure",
                "components install", "components update", "account set", "extension add",
                "upgrade", "completion", "api *", "storage cp gs://* *", "target", "plugin install",
                "context use", "region *",
            ],
        ),
        "changes settings of the client",
        &["gcloud config set project a", "az account set -s a"],
        &["gcloud config list"],
    ).remote(),
    Rule::privileged(
        "cloud.rights",
        GCLOUD,
        When::Verb(
            &[
                "auth *", "login", "logout", "iam *", "* add-iam-policy-binding",
                "* * add-iam-policy-binding", "* set-iam-policy", "* * set-iam-policy",
                "* remove-iam-policy-binding", "* * remove-iam-policy-binding",
                "secrets versions access", "secrets *", "kms *", "keyvault secret show",
                "keyvault secret download", "keyvault secret set", "keyvault key *", "ad *",
                "role *", "account get-access-token", "* credential *", "* keys list",
                "* * keys list", "* regenerate-key", "* get-credentials", "* * get-credentials",
                "* get-access-credentials", "policy *", "lock *", "user *", "* kubeconfig *",
                "projects delete", "group delete", "* ssh", "ssh", "compute ssh",
                "* reset-windows-password", "* list-keys", "* show-connection-string",
                "serial-console connect", "* authkeys *", "ec2 credentials *", "token *",
                "role add", "* start-iap-tunnel", "* run-command", "vm run-command *",
                "organizations *",
            ],
        ),
        "shows or changes secrets or rights of the cloud",
        &[
            "gcloud auth login", "gcloud secrets versions access latest",
            "az keyvault secret show --name a", "az account get-access-token",
        ],
        &["gcloud auth list"],
    ).remote(),
    Rule::reads(
        "cloud.rights-look",
        GCLOUD,
        When::Verb(
            &[
                "auth list", "iam roles list", "iam roles describe", "iam service-accounts list",
                "iam service-accounts describe", "secrets list", "secrets describe",
                "secrets versions list", "kms keys list", "kms keyrings list", "kms keys describe",
                "role assignment list", "role definition list", "ad user list", "ad user show",
                "ad group list", "ad group show", "ad sp list", "ad sp show", "ad app list",
                "ad app show", "policy assignment list", "policy definition list", "lock list",
                "keyvault key list", "organizations list", "user list", "user show",
            ],
        ),
        "only looks at rights of the cloud",
        &["gcloud auth list", "az role assignment list"],
        &["az role assignment create --role a"],
    ).remote(),
    Rule::destroys(
        "cloud.change",
        GCLOUD,
        When::Verb(&["* *"]),
        "changes something in the cloud",
        &["gcloud compute instances delete a", "az vm create -n a", "linode-cli linodes delete 1"],
        &["gcloud compute instances list"],
    ).remote(),
    Rule::reads(
        "terraform.read",
        TERRAFORM,
        When::Verb(
            &[
                "show", "output", "validate", "version", "providers", "graph", "state list",
                "state show", "state pull", "workspace list", "workspace show", "plan",
                "fmt -check", "get", "preview", "stack ls", "stack", "stack output", "config",
                "config get", "about", "whoami", "logs", "history", "metadata functions",
                "stack history", "org ls", "plugin ls", "policy ls", "stack graph", "schema check",
                "env ls", "run-all plan", "synth", "diff", "stack tag ls", "package get-schema",
                "org",
            ],
        ),
        "only looks at infrastructure, or plans",
        &["terraform plan", "terraform show", "terraform state list", "pulumi preview"],
        &["terraform apply", "terraform plan -destroy -out=x"],
    ).remote(),
    Rule::changes(
        "terraform.work",
        TERRAFORM,
        When::Verb(
            &[
                "init", "fmt", "workspace new", "workspace select", "refresh", "new", "stack init",
                "stack select", "config set", "install", "plugin install", "test", "get -update",
                "hclfmt", "console", "env set",
            ],
        ),
        "prepares or changes the folder",
        &["terraform init", "terraform fmt"],
        &["terraform fmt -check"],
    ).remote(),
    Rule::reads(
        "terraform.format-check",
        TERRAFORM,
        When::VerbWith(&["fmt"], &["-check", "-diff"]),
        "only checks the format",
        &["terraform fmt -check"],
        &["terraform fmt"],
    ),
    Rule::changes(
        "terraform.plan-out",
        TERRAFORM,
        When::Option(&["-out", "-destroy", "-generate-config-out", "-save-plan", "-write"]),
        "writes a plan, or plans a removal",
        &["terraform plan -out=a", "terraform plan -destroy"],
        &["terraform plan"],
    ).remote(),
    Rule::privileged(
        "terraform.change",
        TERRAFORM,
        When::Verb(
            &[
                "apply", "destroy", "import", "taint", "untaint", "state rm", "state mv",
                "state push", "state replace-provider", "force-unlock", "workspace delete", "up",
                "update", "down", "cancel", "stack rm", "stack rename", "stack import",
                "stack export", "state delete", "state unprotect", "state *", "run-all *",
                "policy publish", "policy *", "env *", "deploy", "watch", "org *",
            ],
        ),
        "changes infrastructure",
        &[
            "terraform apply", "terraform destroy -auto-approve", "pulumi up",
            "terraform state rm a",
        ],
        &["terraform plan"],
    ).remote(),
    Rule::privileged(
        "terraform.rights",
        TERRAFORM,
        When::Verb(&["login", "logout", "stack output --show-secrets", "config --show-secrets"]),
        "changes rights, or shows secrets",
        &["terraform login"],
        &["terraform show"],
    ).remote(),
    Rule::reads(
        "hosting.read",
        HOSTING,
        When::Verb(
            &[
                "list", "ls", "show", "status", "info", "get", "describe", "logs", "log", "whoami",
                "version", "help", "ps", "inspect", "stats", "stat", "check", "history", "search",
                "* list", "* ls", "* info", "* show", "* status", "* get", "* describe", "* view",
                "* logs", "* stats", "* inspect", "* diff", "* search", "* help", "* releases",
                "apps", "releases", "domains", "addons", "regions", "pg:info", "ps:list", "diff",
                "lsd", "lsl", "lsf", "lsjson", "ncdu", "size", "tree", "cat", "du", "find",
                "md5sum", "sha1sum", "hashsum", "about", "version", "listremotes", "ls-files",
                "snapshots", "key list", "backup describe", "restore get", "verify",
                "collection-status", "list-current-files", "validate", "lint", "synth", "metadata",
                "list-*", "dominfo", "domstate", "net-list", "pool-list", "vol-list", "nodeinfo",
                "dumpxml", "domblklist", "vcpuinfo", "showvminfo", "health", "osd tree", "osd df",
                "mon stat", "df", "pg stat", "fs status", "showvminfo", "job", "queue", "node",
                "partition", "config", "report", "context list", "orb info", "orb list",
                "project list", "policy status", "* list-*", "sensor", "sdr", "fru", "sel list",
                "chassis status", "mc info", "template validate", "functions list", "app list",
                "config get", "competitions list", "datasets list", "kernels list", "c list", "c l",
                "d l", "k l", "k list", "projects list", "hosting:sites:list", "force:org:list",
                "org list", "limits", "tail", "events list", "logs tail", "l", "sho",
                "listsnapshot", "status --json", "rlist", "rinfo", "repo-info", "manifest",
                "job list", "backup list", "alerts", "agents list", "hosts", "* *:list",
                "apps:list", "addons:list", "pg:ps", "features", "domains:list", "certs", "members",
                "buildpacks", "compare", "listbackups", "destinationinfo", "latestbackup",
            ],
        ),
        "only looks at a service",
        &[
            "heroku ps -a x", "rclone ls remote:a", "restic snapshots", "borg list repo",
            "virsh list --all",
        ],
        &["rclone sync a b:c", "restic forget a", "virsh destroy a", "heroku config -a x --delete"],
    ).remote(),
    Rule::reads(
        "hosting.read-always",
        &[
            "squeue", "sinfo", "sacct", "sshare", "sprio", "sstat", "qstat", "bjobs", "condor_q",
            "ansible-doc", "sreport",
        ],
        When::Always,
        "only looks at jobs or inventory",
        &["squeue -u a", "sinfo"],
        &["scancel 1"],
    ).remote(),
    Rule::reads(
        "hosting.rehearse-long",
        &["kopia", "azcopy", "exo", "helm", "duplicity"],
        When::Rehearsal(
            &["*", "install", "upgrade", "uninstall", "rollback", "delete", "copy", "sync"],
            &["--dry-run"],
        ),
        "only tells what it would do",
        &["helm install a b --dry-run"],
        &["helm uninstall -n a b", "kubectl delete pod a --dry-run=none"],
    ).remote(),
    Rule::reads(
        "hosting.rehearse",
        &["rclone", "restic", "borg", "s3cmd"],
        When::Rehearsal(
            &[
                "copy", "sync", "move", "delete", "forget", "prune", "bisync", "backup", "create",
                "put", "del",
            ],
            &["--dry-run", "-n"],
        ),
        "only tells what it would do",
        &["rclone sync a b:c --dry-run", "restic forget --keep-last 1 --dry-run"],
        &["rclone sync a b:c"],
    ).remote(),
    Rule::changes(
        "hosting.copy",
        &[
            "rclone", "restic", "borg", "kopia", "duplicity", "borgmatic", "bup", "rdiff-backup",
            "rsnapshot", "tarsnap", "timeshift", "snapper", "mc", "s3cmd", "s5cmd", "gsutil",
            "azcopy", "b2", "tmutil",
        ],
        When::Verb(
            &[
                "copy", "copyto", "backup", "init", "mount", "umount", "unlock", "cache", "create",
                "extract", "restore", "dump", "mkdir", "check", "cp", "mb", "get", "put",
                "snapshot create", "break-lock", "full", "incremental", "incr", "copyurl",
                "self-update", "tag", "repo create", "rebuild-index", "recover", "diff",
                "download-file", "--create", "startbackup",
            ],
        ),
        "copies data to or from a store",
        &["restic backup src", "borg create a::b src", "rclone copy a b:c"],
        &["rclone sync a b:c", "restic prune"],
    ).remote(),
    Rule::changes(
        "hosting.harmless-change",
        HOSTING,
        When::Verb(&["completion", "init"]),
        "prepares the client",
        &["sam init"],
        &["heroku apps:destroy a"],
    ).remote(),
    Rule::destroys(
        "hosting.change",
        HOSTING,
        When::Verb(&["*"]),
        "changes something in a service, or spends",
        &[
            "heroku apps:destroy a", "rclone delete a:b", "restic forget --prune a",
            "vercel deploy", "virsh destroy a", "fly deploy",
        ],
        &["heroku ps"],
    ).remote(),
    Rule::destroys(
        "hosting.bare",
        HOSTING,
        When::Always,
        "does something in a service that the line does not show",
        &["vercel --prod", "sbatch"],
        &["squeue"],
    ).remote(),
    Rule::privileged(
        "hosting.rights",
        HOSTING,
        When::Verb(
            &[
                "login", "logout", "auth:*", "auth *", "secrets *", "secret *", "config:get",
                "config:set", "config", "env pull", "env *", "token *", "tokens *", "access:*",
                "keys:*", "key add", "key remove", "key passwd", "config dump", "config show",
                "config password", "obscure", "reveal", "user *", "acl *", "passwd",
            ],
        ),
        "shows or changes secrets or rights of a service",
        &["heroku config:get A", "fly secrets set A=b", "rclone config dump"],
        &["heroku ps", "restic key list"],
    ).remote(),
    Rule::reads(
        "hosting.rights-look",
        HOSTING,
        When::Verb(
            &[
                "key list", "secret list", "secrets list", "auth status", "auth list",
                "auth whoami", "auth:whoami", "env list", "env ls", "token list", "user list",
                "user ls",
            ],
        ),
        "only looks at the names of secrets or keys",
        &["restic key list", "fly secrets list"],
        &["fly secrets set A=b"],
    ).remote(),
    Rule::privileged(
        "cloud.automation",
        &[
            "ansible", "ansible-playbook", "ansible-console", "ansible-pull", "salt", "salt-call",
            "puppet", "chef-client", "knife", "cap", "fab", "pyinfra", "mco", "bolt", "pssh",
            "pdsh", "clush", "parallel-ssh", "dsh", "kubespray", "nixos-rebuild", "darwin-rebuild",
            "home-manager", "kexec", "packer",
        ],
        When::Always,
        "changes other machines, or the system, by a script",
        &["ansible-playbook site.yml", "ansible all -m shell -a ls", "nixos-rebuild switch"],
        &["ansible-doc copy"],
    ).remote(),
];

//! Containers and clusters.

use super::super::invocation::{Dash, Grammar};
use super::super::rule::{Rule, When};
use super::Family;

pub static FAMILY: Family = Family {
    rules: RULES,
    grammars: GRAMMARS,
};

const ENGINE: &[&str] = &["docker", "podman", "nerdctl"];
const COMPOSE: &[&str] = &["docker-compose", "podman-compose"];
const CLUSTER: &[&str] = &["kubectl", "oc", "k", "kubecolor", "microk8s.kubectl"];

#[rustfmt::skip]
static GRAMMARS: &[Grammar] = &[
    Grammar {
        programs: ENGINE,
        values: &[
            "-H", "--host", "-c", "--context", "--config", "-l", "--log-level", "-f", "--file",
            "-p", "--project-name", "--filter", "--format", "-n", "--tail", "--since", "--until",
            "--profile", "--project-directory", "-u", "--user", "-w", "--workdir", "-e", "--env",
        ],
        flags: &["-D", "--tls"],
        dash: Dash::Letters,
    },
    Grammar {
        programs: COMPOSE,
        values: &[
            "-f", "--file", "-p", "--project-name", "--profile", "--project-directory",
            "--env-file",
        ],
        flags: &[],
        dash: Dash::Letters,
    },
    Grammar {
        programs: CLUSTER,
        values: &[
            "-n", "--namespace", "--context", "--kubeconfig", "--cluster", "--user", "-s",
            "--server", "-l", "--selector", "-o", "--output", "-f", "--filename", "-c",
            "--container", "--tail", "--since", "--field-selector", "--as", "--token",
            "--request-timeout", "-v", "-L", "--sort-by", "-k", "--timeout", "--for",
        ],
        flags: &["-A", "--all-namespaces", "-w", "--watch"],
        dash: Dash::Letters,
    },
    Grammar {
        programs: &["helm"],
        values: &[
            "-n", "--namespace", "--kube-context", "--kubeconfig", "-o", "--output", "-f",
            "--values", "--set", "--version", "--revision",
        ],
        flags: &[],
        dash: Dash::Letters,
    },
];

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::reads(
        "container.read",
        ENGINE,
        When::Verb(
            &[
                "ps", "images", "logs", "inspect", "info", "version", "top", "stats", "port",
                "diff", "events", "history", "search", "help", "container ls", "container list",
                "container ps", "container logs", "container inspect", "container top",
                "container stats", "container port", "container diff", "image ls", "image list",
                "image inspect", "image history", "network ls", "network list", "network inspect",
                "volume ls", "volume list", "volume inspect", "system df", "system info",
                "system events", "context ls", "context show", "context list", "context inspect",
                "node ls", "node ps", "node inspect", "service ls", "service ps", "service logs",
                "service inspect", "stack ls", "stack ps", "stack services", "config ls",
                "config inspect", "secret ls", "secret inspect", "plugin ls", "plugin inspect",
                "buildx ls", "buildx du", "buildx inspect", "buildx version",
                "buildx imagetools inspect", "manifest inspect", "scout quickview", "scout cves",
                "scout recommendations", "compose ps", "compose logs", "compose config",
                "compose ls", "compose top", "compose images", "compose version", "compose port",
                "compose events", "compose stats", "compose convert", "pod ls", "pod ps",
                "pod list", "pod inspect", "pod logs", "pod stats", "machine ls", "machine list",
                "machine info", "machine inspect", "healthcheck", "list", "trust inspect",
                "checkpoint ls", "swarm ca", "model ls", "model list", "desktop status",
                "desktop logs", "sbom", "debug-list",
            ],
        ),
        "only looks at containers and images",
        &[
            "docker ps -a", "docker images", "podman logs -f web", "docker compose ps",
            "docker -H tcp://localhost ps",
        ],
        &["docker rm web", "docker system prune", "docker run x"],
    ).remote(),
    Rule::reads(
        "container.check-compose",
        COMPOSE,
        When::Verb(
            &["ps", "logs", "config", "ls", "top", "images", "version", "port", "events", "help"],
        ),
        "only looks at services",
        &["docker-compose ps"],
        &["docker-compose down"],
    ).remote(),
    Rule::changes(
        "container.work",
        ENGINE,
        When::Verb(
            &[
                "build", "pull", "tag", "start", "unpause", "wait", "rename", "commit", "cp",
                "export", "save", "load", "import", "login-help", "image pull", "image tag",
                "image build", "image load", "image save", "image import", "network create",
                "network connect", "volume create", "container start", "container unpause",
                "container wait", "container cp", "container export", "container commit",
                "container rename", "buildx build", "buildx create", "buildx use", "buildx bake",
                "compose build", "compose pull", "compose up", "compose start", "compose create",
                "compose watch", "compose cp", "compose unpause", "context use", "context create",
                "pod create", "pod start", "machine start", "machine init", "init", "generate",
                "scout", "manifest create", "manifest annotate", "attach", "update", "artifact",
                "quadlet",
            ],
        ),
        "builds, fetches or starts images and containers",
        &["docker build -t a .", "docker pull alpine", "docker compose up -d"],
        &["docker push a", "docker stop a"],
    ).remote(),
    Rule::destroys(
        "container.build-push",
        ENGINE,
        When::Option(&["--push"]),
        "sends what it builds to a registry",
        &["docker buildx build --push -t a ."],
        &["docker build -t a ."],
    ).remote(),
    Rule::destroys(
        "container.remove",
        ENGINE,
        When::Verb(
            &[
                "rm", "rmi", "stop", "kill", "restart", "pause", "prune", "push", "image rm",
                "image remove", "image prune", "image push", "container rm", "container remove",
                "container stop", "container kill", "container restart", "container prune",
                "container pause", "volume rm", "volume remove", "volume prune", "network rm",
                "network remove", "network prune", "network disconnect", "system prune",
                "system reset", "builder prune", "buildx prune", "buildx rm", "compose down",
                "compose rm", "compose stop", "compose kill", "compose restart", "compose pause",
                "compose run", "compose exec", "compose push", "pod rm", "pod stop", "pod kill",
                "pod restart", "pod prune", "machine rm", "machine stop", "machine reset",
                "machine ssh", "stack rm", "stack deploy", "stack up", "service rm",
                "service update", "service scale", "service create", "service rollback",
                "config rm", "config create", "context rm", "manifest push", "manifest rm",
                "plugin rm", "plugin disable", "plugin install", "plugin enable", "checkpoint rm",
                "unshare", "kube play", "kube down", "play", "machine os", "model rm",
            ],
        ),
        "stops, removes or publishes containers or images",
        &[
            "docker rm -f web", "docker system prune -af", "docker volume rm a",
            "docker compose down -v", "docker push a",
        ],
        &["docker ps"],
    ).remote(),
    Rule::destroys(
        "container.compose-change",
        COMPOSE,
        When::Verb(&["down", "rm", "stop", "kill", "restart", "pause", "push", "run", "exec"]),
        "stops or removes services",
        &["docker-compose down -v"],
        &["docker-compose ps"],
    ).remote(),
    Rule::changes(
        "container.compose-work",
        COMPOSE,
        When::Verb(&["build", "pull", "up", "start", "create", "unpause"]),
        "builds or starts services",
        &["docker-compose up -d"],
        &["docker-compose ps"],
    ).remote(),
    Rule::privileged(
        "container.rights",
        ENGINE,
        When::Verb(
            &[
                "login", "logout", "swarm *", "secret create", "secret rm", "node update",
                "node rm", "node promote", "node demote", "trust *",
            ],
        ),
        "changes who may use or steer the engine",
        &["docker login", "docker swarm leave", "docker secret rm a"],
        &["docker ps"],
    ).remote(),
    Rule::reads(
        "cluster.read",
        CLUSTER,
        When::Verb(
            &[
                "get", "describe", "logs", "top", "version", "cluster-info", "api-resources",
                "api-versions", "explain", "events", "diff", "wait", "help", "options",
                "completion", "config view", "config get-contexts", "config current-context",
                "config get-clusters", "config get-users", "auth can-i", "auth whoami",
                "rollout status", "rollout history", "plugin list", "kustomize", "status",
                "project", "projects", "whoami", "adm top", "kots-get", "stern", "tree", "neat",
                "alpha events",
            ],
        ),
        "only looks at the cluster",
        &[
            "kubectl get pods -n a", "kubectl describe pod a", "kubectl logs -f a",
            "kubectl -n kube-system get all",
        ],
        &["kubectl get secret a", "kubectl delete pod a", "kubectl config view --raw"],
    ).remote(),
    Rule::privileged(
        "cluster.secrets",
        CLUSTER,
        When::Verb(
            &[
                "get secret", "get secrets", "get *secret*", "describe secret-raw", "get secret/*",
                "get secrets/*", "get all,secret*", "create token", "create secret",
            ],
        ),
        "shows or sets secrets of the cluster",
        &["kubectl get po,secret", "kubectl get secret a -o yaml", "kubectl create token a"],
        &["kubectl get pods"],
    ).remote(),
    Rule::privileged(
        "cluster.raw",
        CLUSTER,
        When::Option(&["--raw", "--as", "--as-group", "--token", "--as-uid"]),
        "asks in another's name, or shows what is kept back",
        &["kubectl config view --raw", "kubectl --as=root get pods"],
        &["kubectl get pods"],
    ).remote(),
    Rule::destroys(
        "cluster.change",
        CLUSTER,
        When::Verb(
            &[
                "apply", "create", "delete", "replace", "patch", "edit", "set", "scale",
                "autoscale", "label", "annotate", "rollout restart", "rollout undo",
                "rollout pause", "rollout resume", "expose", "port-forward", "proxy", "cp",
                "attach", "config use-context", "config set-context", "config delete-context",
                "config *", "drain", "cordon", "uncordon", "run", "rollout", "new-app",
                "start-build", "rsh", "process", "import-image", "argo", "cnpg",
            ],
        ),
        "changes the cluster",
        &[
            "kubectl apply -f a.yaml", "kubectl delete pod a",
            "kubectl scale deploy a --replicas=0", "kubectl drain a",
        ],
        &["kubectl get pods", "kubectl apply --dry-run=client -f a.yaml"],
    ).remote(),
    Rule::reads(
        "cluster.rehearse",
        CLUSTER,
        When::Rehearsal(
            &[
                "apply", "create", "delete", "run", "patch", "label", "annotate", "scale", "expose",
                "set",
            ],
            &["--dry-run"],
        ),
        "only tells what it would change",
        &["kubectl apply --dry-run=client -f a.yaml"],
        &["kubectl apply -f a.yaml"],
    ).remote(),
    Rule::privileged(
        "cluster.rights",
        CLUSTER,
        When::Verb(
            &[
                "taint", "certificate", "auth reconcile", "create rolebinding",
                "create clusterrolebinding", "create role", "create clusterrole",
                "create serviceaccount", "config set-credentials", "adm", "login", "logout",
                "delete namespace", "delete ns", "delete node", "delete pv", "delete crd",
                "delete clusterrole", "delete --all",
            ],
        ),
        "changes rights or a whole part of the cluster",
        &["kubectl create clusterrolebinding a --clusterrole=b", "kubectl delete namespace a"],
        &["kubectl get ns"],
    ).remote(),
    Rule::reads(
        "cluster.tools-read",
        &[
            "helm", "kustomize", "k9s", "stern", "kubectx", "kubens", "popeye", "kubeconform",
            "kubeval", "kube-score", "argocd", "flux", "istioctl", "linkerd", "minikube", "kind",
            "k3d", "k3s", "velero", "cilium", "eksctl", "kops", "krew", "helmfile", "skaffold",
            "tilt", "crictl", "ctr", "skopeo", "crane", "dive", "trivy", "grype", "syft", "hubble",
            "calicoctl", "oras", "regctl", "fluxctl", "kubeadm", "nomad", "consul", "apptainer",
            "singularity", "buildah", "lxc", "incus", "multipass", "machinectl", "distrobox",
            "toolbox", "lima", "limactl", "colima", "waydroid", "systemd-nspawn-list",
        ],
        When::Verb(
            &[
                "list", "ls", "status", "get", "describe", "logs", "version", "info", "show",
                "search", "history", "template", "lint", "env", "help", "check", "diff", "images",
                "ps", "inspect", "* list", "* ls", "* get", "* describe", "* logs", "* show",
                "* status", "* info", "* version", "* history", "repo list", "search hub",
                "search repo", "get all", "profile list", "image ls", "node list", "cluster list",
                "dashboard-url", "analyze", "proxy-status", "digest", "manifest", "config-view",
                "catalog", "tag list", "job status", "members", "catalog services", "kv get", "top",
                "stat", "validate", "doctor", "completion", "ssh-config", "global-status",
                "box list", "find", "aliases", "config list", "config get", "remote list",
                "cache list", "key list", "get nodes", "list-images", "list-tags", "pods", "stats",
                "alloc status", "node status", "monitor", "config show", "mount list",
            ],
        ),
        "only looks at the cluster or its images",
        &[
            "helm list -A", "velero backup describe a", "minikube status",
            "skopeo inspect docker://a",
        ],
        &[
            "helm uninstall a", "velero backup delete a",
            "helm get values a -o x --post-renderer ./x",
        ],
    ).remote(),
    Rule::destroys(
        "cluster.release",
        &["helm", "helmfile"],
        When::Verb(
            &[
                "install", "upgrade", "rollback", "uninstall", "delete", "push", "registry *",
                "apply", "sync", "destroy", "plugin *", "test",
            ],
        ),
        "changes what runs in the cluster",
        &["helm upgrade a b", "helm uninstall a"],
        &["helm list", "helm template a b --dry-run"],
    ).remote(),
    Rule::reads(
        "cluster.kustomize",
        &["kustomize"],
        When::Verb(&["build", "cfg", "version"]),
        "prints manifests",
        &["kustomize build a"],
        &["kustomize edit set a"],
    ),
    Rule::destroys(
        "cluster.other-config",
        &["kubectl", "oc", "helm", "k9s"],
        When::Option(&["--kubeconfig"]),
        "takes a cluster's address, and programs to sign in with, from a file",
        &["kubectl --kubeconfig x get pods"],
        &["kubectl get pods"],
    ),
    Rule::destroys(
        "cluster.tools-runs",
        &["helm", "kustomize", "kubectl"],
        When::Option(&["--post-renderer", "--enable-exec", "--enable-alpha-plugins"]),
        "is told to run a program of choice",
        &["helm template a --post-renderer ./x"],
        &["helm template a"],
    ),
];

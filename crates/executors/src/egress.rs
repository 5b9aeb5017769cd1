//! The way out of a sandbox: what it may reach, what programs inside are told, and the proxy that
//! lives as long as the sandbox does.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wardroom_sandbox::egress::{
    Authority, AuthorityError, Budgets, HostName, Options, Proxy, ProxyHandle, Resolver, Roots,
    Rules, Scope, Sink, StartError, SystemResolver,
};
use wardroom_sandbox::{EGRESS_PROXY_URL, EgressListeners, ReadOnlyBind};

/// Where the certificates stand that programs inside must trust.
pub const CA_INSIDE: &str = "/run/wardroom/ca.pem";
/// What stays inside whatever the settings of a proxy say.
const LOOPBACK: &str = "127.0.0.1,::1,[::1]";

/// What the sandboxes of an installation may reach, and by what means.
#[derive(Clone)]
pub struct Egress {
    rules: Arc<Rules>,
    budgets: Budgets,
    resolver: Arc<dyn Resolver>,
    roots: Arc<Roots>,
    folder: PathBuf,
}

/// Why there is no way out.
#[derive(Debug, thiserror::Error)]
pub enum NoWayOut {
    /// The sandbox's own authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The proxy.
    #[error("the proxy did not start: {0}")]
    Proxy(#[from] StartError),
    /// The file with the certificates.
    #[error("the certificates for programs inside cannot be written: {0}")]
    Certificates(#[from] io::Error),
    /// The backend opened no sockets.
    #[error("the sandbox has no sockets for its way out")]
    NoListeners,
}

impl Egress {
    /// By these rules, and with the names that this machine knows. `folder` holds a file for each
    /// sandbox.
    pub fn new(rules: Rules, roots: Roots, folder: PathBuf) -> Self {
        Self {
            rules: Arc::new(rules),
            budgets: Budgets::default(),
            resolver: Arc::new(SystemResolver),
            roots: Arc::new(roots),
            folder,
        }
    }

    /// What may be reached.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// How many decisions a sink must have room for.
    pub fn sink_places(&self) -> usize {
        // The proxy tells so many who come too many, and the resolver speaks, too.
        self.budgets.connections as usize + 17
    }

    /// What programs inside read to find the way out, whatever they are written in.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let proxy = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"]
            .map(|name| (name, EGRESS_PROXY_URL.to_owned()));
        let trust = [
            "SSL_CERT_FILE",
            "CURL_CA_BUNDLE",
            "REQUESTS_CA_BUNDLE",
            "NODE_EXTRA_CA_CERTS",
            "GIT_SSL_CAINFO",
            "PIP_CERT",
            "CARGO_HTTP_CAINFO",
        ]
        .map(|name| (name, CA_INSIDE.to_owned()));
        let inside = ["no_proxy", "NO_PROXY"].map(|name| (name, self.stays_inside()));
        // git must not wait for somebody to type a password.
        let quiet = [("GIT_TERMINAL_PROMPT", "0".to_owned())];
        let all = proxy.into_iter().chain(trust).chain(inside).chain(quiet);
        all.map(|(name, value)| (name.to_owned(), value.into()))
            .collect()
    }

    /// A server that runs inside is spoken to directly, unless its name is one that is open.
    fn stays_inside(&self) -> String {
        let is_open = HostName::parse("localhost").is_ok_and(|name| self.rules.names(&name));
        match is_open {
            true => LOOPBACK.to_owned(),
            false => format!("localhost,{LOOPBACK}"),
        }
    }

    /// What must be there before the sandbox is.
    pub fn prepare(&self, id: &str) -> Result<Prepared, NoWayOut> {
        let authority = Authority::new()?;
        std::fs::create_dir_all(&self.folder)?;
        let certificates = CertificateFile(self.folder.join(format!("{id}.pem")));
        let both = format!("{}\n{}", self.roots.pem().trim_end(), authority.pem());
        certificates.write(&both)?;
        Ok(Prepared {
            egress: self.clone(),
            authority,
            certificates,
        })
    }
}

/// A way out whose sandbox is yet to be made.
pub struct Prepared {
    egress: Egress,
    authority: Authority,
    certificates: CertificateFile,
}

impl Prepared {
    /// What must be shown inside.
    pub fn bind(&self) -> ReadOnlyBind {
        ReadOnlyBind {
            host: self.certificates.0.clone(),
            inside: CA_INSIDE.into(),
        }
    }

    /// Answers the sandbox's sockets from now on.
    pub fn start(
        self,
        listeners: Option<EgressListeners>,
        sink: Sink,
        scope: Scope,
    ) -> Result<WayOut, NoWayOut> {
        let listeners = listeners.ok_or(NoWayOut::NoListeners)?;
        let options = Options {
            extra_roots: self.egress.roots.certificates().to_vec(),
            authority: Some(self.authority),
            scope,
        };
        let (rules, budgets) = ((*self.egress.rules).clone(), self.egress.budgets);
        let resolver = self.egress.resolver.clone();
        let proxy = Proxy::start(listeners, rules, budgets, resolver, sink, options)?;
        Ok(WayOut {
            proxy,
            _certificates: self.certificates,
        })
    }
}

/// An open way out; it ends with its sandbox.
pub struct WayOut {
    /// The proxy on the host's side.
    pub proxy: ProxyHandle,
    _certificates: CertificateFile,
}

/// Removed when nobody needs it any more.
struct CertificateFile(PathBuf);

impl CertificateFile {
    /// Everybody may read it: the user inside is another than ours.
    fn write(&self, text: &str) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(&self.0, text)?;
        std::fs::set_permissions(&self.0, std::fs::Permissions::from_mode(0o644))
    }
}

impl Drop for CertificateFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// After a crash: removes the files of sandboxes that are no more.
pub fn clear_certificates(folder: &Path) {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for file in files {
        let _ = std::fs::remove_file(file.path());
    }
}

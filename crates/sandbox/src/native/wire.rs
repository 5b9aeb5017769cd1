//! The messages between the platform process and its guest, shared by both sides.
//!
//! The guest includes this very file, so it uses nothing but `std`. Everything is
//! little-endian; a list is its length and its items. The platform trusts no length that
//! comes back: a guest that lies produces `Malformed`, never a large allocation.

/// The bytes did not form the expected message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// A value that can cross the border.
pub trait Wire: Sized {
    fn write_to(&self, out: &mut Vec<u8>);
    fn read_from(input: &mut &[u8]) -> Result<Self, Malformed>;

    fn to_wire(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_to(&mut out);
        out
    }

    fn from_wire(mut input: &[u8]) -> Result<Self, Malformed> {
        let value = Self::read_from(&mut input)?;
        if input.is_empty() {
            Ok(value)
        } else {
            Err(Malformed)
        }
    }
}

macro_rules! wire_numbers {
    ($($number:ty),*) => {$(
        impl Wire for $number {
            fn write_to(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn read_from(input: &mut &[u8]) -> Result<Self, Malformed> {
                let (head, rest) = input.split_first_chunk().ok_or(Malformed)?;
                *input = rest;
                Ok(<$number>::from_le_bytes(*head))
            }
        }
    )*};
}
wire_numbers!(u8, u16, u32, i32, u64);

impl Wire for bool {
    fn write_to(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn read_from(input: &mut &[u8]) -> Result<Self, Malformed> {
        match u8::read_from(input)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write_to(&self, out: &mut Vec<u8>) {
        (self.len() as u32).write_to(out);
        self.iter().for_each(|item| item.write_to(out));
    }
    fn read_from(input: &mut &[u8]) -> Result<Self, Malformed> {
        let count = u32::read_from(input)? as usize;
        // Every item takes at least one byte, so a length beyond the input is a lie.
        if count > input.len() {
            return Err(Malformed);
        }
        (0..count).map(|_| T::read_from(input)).collect()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write_to(&self, out: &mut Vec<u8>) {
        self.is_some().write_to(out);
        if let Some(value) = self {
            value.write_to(out);
        }
    }
    fn read_from(input: &mut &[u8]) -> Result<Self, Malformed> {
        bool::read_from(input)?
            .then(|| T::read_from(input))
            .transpose()
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn write_to(&self, out: &mut Vec<u8>) {
        self.0.write_to(out);
        self.1.write_to(out);
    }
    fn read_from(input: &mut &[u8]) -> Result<Self, Malformed> {
        Ok((A::read_from(input)?, B::read_from(input)?))
    }
}

macro_rules! wire_struct {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name { $($(#[$field_meta])* pub $field: $kind,)* }

        impl Wire for $name {
            fn write_to(&self, out: &mut Vec<u8>) {
                $(self.$field.write_to(out);)*
            }
            fn read_from(input: &mut &[u8]) -> Result<Self, Malformed> {
                Ok(Self { $($field: <$kind>::read_from(input)?,)* })
            }
        }
    };
}

macro_rules! wire_enum {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$variant_meta:meta])* $tag:literal => $variant:ident { $($field:ident: $kind:ty,)* },)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_meta])* $variant { $($field: $kind,)* },)* }

        impl Wire for $name {
            fn write_to(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant { $($field,)* } => { out.push($tag); $($field.write_to(out);)* })*
                }
            }
            fn read_from(input: &mut &[u8]) -> Result<Self, Malformed> {
                match u8::read_from(input)? {
                    $($tag => Ok(Self::$variant { $($field: <$kind>::read_from(input)?,)* }),)*
                    _ => Err(Malformed),
                }
            }
        }
    };
}

/// A path or text as the kernel sees it: bytes without a trailing NUL.
pub type Text = Vec<u8>;

wire_struct! {
    /// A host file or folder that appears inside.
    pub struct Tree {
        pub source: Text,
        /// Relative to the new root.
        pub target: Text,
        pub read_only: bool,
        /// A missing source is skipped instead of refused.
        pub optional: bool,
        /// The owner on disk, shown inside as the sandbox's own user (id-mapped mount).
        pub owner: Option<(u32, u32)>,
    }
}

wire_struct! {
    /// The copy-on-write workspace.
    pub struct Layers {
        pub lower: Text,
        pub upper: Text,
        pub work: Text,
        pub lower_owner: Option<(u32, u32)>,
        pub upper_owner: Option<(u32, u32)>,
    }
}

wire_struct! {
    /// A file system on a block device, which the helper mounts for itself alone.
    pub struct VolumeAt {
        pub device: Text,
        pub place: Text,
    }
}

wire_struct! {
    /// A private tmpfs with a byte and an inode cap.
    pub struct Scratch {
        pub target: Text,
        pub bytes: u64,
        pub inodes: u64,
        pub mode: u32,
    }
}

wire_struct! {
    /// Everything the guest needs to build one sandbox. It decides nothing by itself.
    pub struct Plan {
        /// The helper is root on the host: it maps another user and clones trees itself.
        pub privileged: bool,
        pub host_uid: u32,
        pub host_gid: u32,
        pub inner_id: u32,
        pub hostname: Text,
        /// `tasks` files that PID 1 enters itself into (cgroup v1).
        pub cgroup_tasks: Vec<Text>,
        /// The cgroup v2 folder that PID 1 is born into.
        pub cgroup_folder: Option<Text>,
        /// What the paths beneath its place are in.
        pub volume: Option<VolumeAt>,
        pub trees: Vec<Tree>,
        pub layers: Option<Layers>,
        /// Paths beneath the workspace that stay read-only, also when absent.
        pub protected: Vec<Text>,
        pub folders: Vec<Text>,
        pub links: Vec<(Text, Text)>,
        pub files: Vec<(Text, Text)>,
        pub scratch: Vec<Scratch>,
        pub devices: Vec<Text>,
        pub proc_masked: Vec<Text>,
        pub proc_read_only: Vec<Text>,
        /// Landlock: the only places where anything may be written.
        pub writable: Vec<Text>,
        /// Landlock: the only files that may be executed; without it, every one.
        pub executable: Option<Vec<Text>>,
        /// The workspace takes no change at all, not even of modes.
        pub workspace_read_only: bool,
        pub rlimits: Vec<(u32, u64)>,
        /// `sock_filter` array, native layout.
        pub seccomp: Vec<u8>,
        pub egress: bool,
    }
}

wire_struct! {
    /// One command. Its three streams travel beside it as descriptors.
    pub struct Command {
        pub exec: u64,
        /// The file to execute, if it is not what `argv` names.
        pub program: Option<Text>,
        pub argv: Vec<Text>,
        pub env: Vec<Text>,
        pub cwd: Text,
        /// Rows and columns of the terminal; then no streams travel with the command.
        pub terminal: Option<(u16, u16)>,
        /// What the command leaves running dies with it.
        pub sweep_leftovers: bool,
    }
}

wire_enum! {
    /// What the platform asks of PID 1.
    pub enum Request {
        1 => Exec { command: Command, },
        /// The command is in the sealed memory file that travels as the last descriptor.
        2 => ExecSpilled { bytes: u64, },
        3 => Kill { exec: u64, },
        4 => Signal { exec: u64, signal: i32, },
        5 => Freeze { on: bool, },
    }
}

wire_enum! {
    /// What the guest tells the platform.
    pub enum Report {
        /// From the helper: PID 1 exists; its pidfd travels with this.
        1 => Booted { pid: u32, },
        /// From PID 1: locked down and ready; egress sockets travel with this.
        2 => Ready { landlock_abi: u32, },
        /// Building the sandbox failed; nothing of it remains.
        3 => Failed { stage: Text, errno: i32, },
        /// The command was executed. The terminal's master travels with this if one was asked
        /// for.
        4 => Started { exec: u64, },
        5 => ExecFailed { exec: u64, errno: i32, },
        /// `wait_status` as the kernel gives it.
        6 => Exited { exec: u64, wait_status: i32, rss_max_kib: u64, cpu_us: u64, },
    }
}

/// A larger command travels in a memory file instead of a packet.
pub const PACKET_BYTES_MAX: usize = 60 * 1024;

/// Whom the overlay's own files belong to on the disk, just below the sandboxes' numbers.
pub const OVERLAY_ID_ON_DISK: u32 = 199_999;

/// The descriptors that the helper is born with, after the three standard ones.
pub const CONTROL_FD: i32 = 3;
pub const PLAN_FD: i32 = 4;
pub const LIFELINE_FD: i32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        Command {
            exec: 7,
            program: None,
            argv: vec![b"a".to_vec(), vec![0xff, b'\n']],
            env: vec![],
            cwd: b"/workspace".to_vec(),
            terminal: Some((24, 80)),
            sweep_leftovers: true,
        }
    }

    #[test]
    fn what_is_sent_arrives() {
        let request = Request::Exec { command: command() };
        assert_eq!(Request::from_wire(&request.to_wire()), Ok(request));
        let report = Report::Failed {
            stage: b"x".to_vec(),
            errno: -1,
        };
        assert_eq!(Report::from_wire(&report.to_wire()), Ok(report));
    }

    #[test]
    fn a_lie_is_malformed_and_costs_nothing() {
        let honest = Request::Exec { command: command() }.to_wire();
        for cut in 0..honest.len() {
            assert_eq!(
                Request::from_wire(&honest[..cut]),
                Err(Malformed),
                "cut at {cut}"
            );
        }
        for at in 0..honest.len() {
            for lie in [0, 1, 0x7f, 0xff] {
                let mut message = honest.clone();
                message[at] = lie;
                let _ = Request::from_wire(&message);
                let _ = Report::from_wire(&message);
            }
        }
        // A list of four thousand million items in nine bytes.
        let huge = [3, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4];
        assert_eq!(Report::from_wire(&huge), Err(Malformed));
        assert_eq!(
            Request::from_wire(&[&honest[..], &[0]].concat()),
            Err(Malformed)
        );
    }
}

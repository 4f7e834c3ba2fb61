//! Clearing up, however the benchmark ends: a shell in a session of its own waits for the end of a pipe that only the
//! benchmark holds open. So ^C, a failure and even SIGKILL leave no container and no file.

use crate::Result;
use crate::stage::state;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `rm -f` may meet a container that a killed `contain run -d` has just begun, so it is asked until there is none. crun
/// refuses a host with both cgroup versions (launchers.rs, View), also here.
const SCRIPT: &str = r#"
cat
export CONTAIN_ROOT="$2-contain"
while ids=$("$1" ps -a -q) && [ -n "$ids" ]; do
    "$1" rm -f $ids
done
for launcher in crun runc; do
    if [ -d "$2-$launcher" ]; then
        mount -t tmpfs tmpfs /sys/fs/cgroup/unified 2>/dev/null
        for id in $(ls "$2-$launcher"); do $launcher --root "$2-$launcher" delete --force "$id"; done
        umount /sys/fs/cgroup/unified 2>/dev/null
    fi
    rm -rf "$2-$launcher"
done
rm -rf "$CONTAIN_ROOT"
"#;

pub struct Cleaner(Child);

impl Cleaner {
    pub fn start(contain: &Path) -> Result<Cleaner> {
        let all = state("");
        let mut command = Command::new("setsid");
        // Its mounts are its own.
        command.args(["unshare", "--mount", "sh", "-c", SCRIPT, "sh"]).arg(contain).arg(all.trim_end_matches('-'));
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Cleaner).map_err(|e| format!("start setsid: {e} (apt-get install util-linux)"))
    }

    /// Clears up now.
    pub fn clean(mut self) -> Result<()> {
        drop(self.0.stdin.take());
        match self.0.wait() {
            Ok(status) if status.success() => Ok(()),
            ended => Err(format!("clear up {}*: {ended:?}", state(""))),
        }
    }
}

//! podman's defaults for a container, in the words of an OCI runtime's config.json: the eleven capabilities and the seccomp
//! profile.

use super::json::Json;

/// The profile as Debian ships it (golang-github-containers-common).
pub const PODMANS: &str = "/usr/share/containers/seccomp.json";
/// The eleven capabilities of a default container.
pub const CAPABILITIES: [&str; 11] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// What podman makes of a profile for config.json: rules chosen by their filters.
pub fn translated(profile: &str) -> String {
    let profile = Json::read(profile);
    let list = |value: Option<&Json>| match value {
        Some(Json::List(items)) => items.clone(),
        _ => Vec::new(),
    };
    let member = |value: &Json, name: &str| match value {
        Json::Map(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
        _ => None,
    };
    let number = |value: &Json, name: &str| match member(value, name) {
        Some(Json::Number(number)) => Some(number),
        _ => None,
    };
    let mut rules = Vec::new();
    for rule in list(member(&profile, "syscalls").as_ref()) {
        let filter = |kind: &str, what: &str| {
            let named = list(member(&rule, kind).and_then(|filter| member(&filter, what)).as_ref());
            named.iter().map(|name| name.text().to_string()).collect::<Vec<_>>()
        };
        let has = |name: &String| CAPABILITIES.contains(&name.as_str());
        let (arches, ours) = (filter("includes", "arches"), String::from("amd64"));
        let applies = filter("includes", "caps").iter().all(has)
            && !filter("excludes", "caps").iter().any(has)
            && (arches.is_empty() || arches.contains(&ours))
            && !filter("excludes", "arches").contains(&ours);
        assert!(filter("includes", "minKernel").is_empty() && filter("excludes", "minKernel").is_empty());
        if !applies {
            continue;
        }
        let names = list(member(&rule, "names").as_ref());
        let names: Vec<_> = names.iter().map(|name| format!("{:?}", name.text())).collect();
        let arguments: Vec<_> = list(member(&rule, "args").as_ref())
            .iter()
            .map(|argument| {
                format!(
                    r#"{{"index": {}, "value": {}, "valueTwo": {}, "op": {:?}}}"#,
                    argument.at("index").number(),
                    argument.at("value").number(),
                    number(argument, "valueTwo").unwrap_or(0),
                    argument.at("op").text()
                )
            })
            .collect();
        let errno = number(&rule, "errnoRet").map_or(String::new(), |errno| format!(r#", "errnoRet": {errno}"#));
        rules.push(format!(
            r#"{{"names": [{}], "action": {:?}{errno}, "args": [{}]}}"#,
            names.join(","),
            rule.at("action").text(),
            arguments.join(",")
        ));
    }
    let errno =
        number(&profile, "defaultErrnoRet").map_or(String::new(), |errno| format!(r#", "defaultErrnoRet": {errno}"#));
    format!(
        r#"{{"defaultAction": {:?}{errno}, "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [{}]}}"#,
        profile.at("defaultAction").text(),
        rules.join(",\n")
    )
}

//! `--env` and `--env-file`: words `KEY=VALUE`, or `KEY` alone for the caller's own value.

/// One `--env` word or line of an environment file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Variable {
    Set(String),
    /// Passed through where the caller has it.
    Inherit(String),
}

/// Checks one word. The value may be empty; the key may not.
pub fn variable(word: &str) -> Result<Variable, String> {
    let key = word.split('=').next().unwrap_or_default();
    if key.is_empty() {
        return Err("has no name before the =: write KEY=VALUE".into());
    }
    if word.contains('\0') {
        return Err("has a NUL byte, which no environment can hold".into());
    }
    match word.contains('=') {
        true => Ok(Variable::Set(word.into())),
        false => Ok(Variable::Inherit(word.into())),
    }
}

/// The lines of an environment file, one variable each; empty lines and lines that begin with `#` say nothing. An error
/// comes with its line number.
pub fn file(text: &str) -> Result<Vec<Variable>, (usize, String)> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(index, line)| variable(line).map_err(|what| (index + 1, what))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_files() {
        assert_eq!(variable("A=b=c"), Ok(Variable::Set("A=b=c".into())));
        assert_eq!(variable("A="), Ok(Variable::Set("A=".into())));
        assert_eq!(variable("TERM"), Ok(Variable::Inherit("TERM".into())));
        assert!(variable("=x").is_err() && variable("").is_err());
        assert_eq!(file("# no\n\nA=1\nB\n").map(|v| v.len()), Ok(2));
        assert_eq!(file("A=1\n=x\n").map_err(|(line, _)| line), Err(2));
    }
}

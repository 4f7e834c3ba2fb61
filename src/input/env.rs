//! `--env` and `--env-file`: words `KEY=VALUE`, or `KEY` alone for the caller's own value.

use crate::input::number::Parsed;
use crate::packed::text;
use crate::text::{has, lines};

/// One `--env` word or line of an environment file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variable {
    Set(&'static str),
    /// Passed through where the caller has it.
    Inherit(&'static str),
}

/// Checks one word. The value may be empty; the key may not.
pub fn variable(word: &'static str) -> Parsed<Variable> {
    if word.is_empty() || word.starts_with('=') {
        return Err(text!("has no name before the =: write KEY=VALUE"));
    }
    if has(word, 0) {
        return Err(text!("has a NUL byte, which no environment can hold"));
    }
    match has(word, b'=') {
        true => Ok(Variable::Set(word)),
        false => Ok(Variable::Inherit(word)),
    }
}

/// The lines of an environment file, one variable each; empty lines and lines that begin with `#` say nothing. An error
/// comes with its line number.
pub fn file(text: &'static str) -> Result<Vec<Variable>, (usize, &'static str)> {
    let mut all = Vec::new();
    for (index, line) in lines(text).enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if !line.is_empty() && !line.starts_with('#') {
            all.push(variable(line).map_err(|what| (index + 1, what))?);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_files() {
        assert_eq!(variable("A=b=c"), Ok(Variable::Set("A=b=c")));
        assert_eq!(variable("A="), Ok(Variable::Set("A=")));
        assert_eq!(variable("TERM"), Ok(Variable::Inherit("TERM")));
        assert!(variable("=x").is_err() && variable("").is_err());
        assert_eq!(file("# no\n\nA=1\nB\n").map(|v| v.len()), Ok(2));
        assert_eq!(file("A=1\n=x\n").map_err(|(line, _)| line), Err(2));
    }
}

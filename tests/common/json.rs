//! A reader of JSON (RFC 8259) that shares nothing with contain's own: strict, and only for small texts.

#[derive(Clone, PartialEq, Debug)]
pub enum Json {
    Null,
    Bool(bool),
    Number(u64),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

impl Json {
    /// The whole text, which must be one value.
    #[track_caller]
    pub fn read(text: &str) -> Json {
        let mut rest = text;
        let value = value(&mut rest).filter(|_| rest.trim_ascii().is_empty());
        value.unwrap_or_else(|| panic!("no JSON from {rest:?} on: {text}"))
    }

    /// The same of a text that may be none.
    pub fn parse(mut text: &str) -> Option<Json> {
        value(&mut text).filter(|_| text.trim_ascii().is_empty())
    }

    /// Every value of a text that has one after the other.
    #[track_caller]
    pub fn read_all(text: &str) -> Vec<Json> {
        let (mut rest, mut all) = (text, Vec::new());
        while !rest.trim_ascii().is_empty() {
            all.push(value(&mut rest).unwrap_or_else(|| panic!("no JSON from {rest:?} on: {text}")));
        }
        all
    }

    /// A member of an object.
    #[track_caller]
    pub fn at(&self, name: &str) -> &Json {
        let Json::Map(members) = self else { panic!("no object: {self:?}") };
        let found = members.iter().find(|(known, _)| known == name);
        &found.unwrap_or_else(|| panic!("no member {name}: {self:?}")).1
    }

    #[track_caller]
    pub fn items(&self) -> &[Json] {
        let Json::List(items) = self else { panic!("no array: {self:?}") };
        items
    }

    #[track_caller]
    pub fn text(&self) -> &str {
        let Json::Text(text) = self else { panic!("no string: {self:?}") };
        text
    }

    #[track_caller]
    pub fn number(&self) -> u64 {
        let Json::Number(number) = self else { panic!("no number: {self:?}") };
        *number
    }
}

fn value(rest: &mut &str) -> Option<Json> {
    *rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
    for (word, value) in [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))] {
        if eat(rest, word) {
            return Some(value);
        }
    }
    match rest.chars().next()? {
        '[' => list(rest, '[', "]", value).map(Json::List),
        '{' => list(rest, '{', "}", |rest| Some((member(rest)?, value(rest)?))).map(Json::Map),
        '"' => string(rest).map(Json::Text),
        _ => {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, after) = rest.split_at(digits);
            *rest = after;
            number.parse().ok().map(Json::Number)
        }
    }
}

fn member(rest: &mut &str) -> Option<String> {
    *rest = rest.trim_ascii_start();
    let name = string(rest)?;
    *rest = rest.trim_ascii_start();
    eat(rest, ":").then_some(name)
}

fn list<T>(rest: &mut &str, open: char, close: &str, item: impl Fn(&mut &str) -> Option<T>) -> Option<Vec<T>> {
    *rest = rest.strip_prefix(open)?.trim_ascii_start();
    let mut items = Vec::new();
    while !eat(rest, close) {
        if !items.is_empty() && !eat(rest, ",") {
            return None;
        }
        items.push(item(rest)?);
        *rest = rest.trim_ascii_start();
    }
    Some(items)
}

fn string(rest: &mut &str) -> Option<String> {
    *rest = rest.strip_prefix('"')?;
    let mut text = String::new();
    loop {
        let c = rest.chars().next()?;
        *rest = &rest[c.len_utf8()..];
        match c {
            '"' => return Some(text),
            '\\' => {
                let letter = rest.chars().next()?;
                *rest = &rest[letter.len_utf8()..];
                match letter {
                    'u' => {
                        let code = u32::from_str_radix(rest.get(..4)?, 16).ok()?;
                        *rest = &rest[4..];
                        // Half a pair: a byte that is part of no character.
                        text.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                    }
                    'n' => text.push('\n'),
                    '"' | '\\' => text.push(letter),
                    _ => return None,
                }
            }
            c if c.is_control() => return None,
            c => text.push(c),
        }
    }
}

fn eat(rest: &mut &str, word: &str) -> bool {
    let found = rest.strip_prefix(word);
    *rest = found.unwrap_or(rest);
    found.is_some()
}

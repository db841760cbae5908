//! Reads the lines of `schema.tl`. The notation is described at the top of that file.

/// The part of the file a declaration stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Types,
    Functions,
    Service,
    ServiceFunctions,
    Store,
}

impl Section {
    fn of(header: &str) -> Option<Self> {
        Some(match header {
            "---types---" => Self::Types,
            "---functions---" => Self::Functions,
            "---service---" => Self::Service,
            "---service functions---" => Self::ServiceFunctions,
            "---store---" => Self::Store,
            _ => return None,
        })
    }

    /// Do lines of this section declare methods?
    pub fn is_functions(self) -> bool {
        matches!(self, Self::Functions | Self::ServiceFunctions)
    }
}

/// One line.
#[derive(Debug, Clone)]
pub struct Decl {
    pub section: Section,
    /// The number of the line, for messages.
    pub line: usize,
    pub name: String,
    pub id: u32,
    pub params: Vec<Param>,
    pub result: Ty,
    /// First and last layer that speak it, as far as the comment says.
    pub since: Option<u16>,
    pub until: Option<u16>,
    pub rules: Vec<Rule>,
    pub otherwise: Option<Otherwise>,
    /// The function that may say another constructor instead of this older line.
    pub instead: Option<String>,
    /// The function that makes what this older shape of a method answers.
    pub returns: Option<String>,
    /// Whether it is also read without copying its strings and bytes.
    pub borrowed: bool,
    /// The line without its id and comment.
    pub code: String,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    pub name: String,
    pub ty: Ty,
    /// The flags word and the bit that say whether the field is there.
    pub flag: Option<(String, u8)>,
}

/// The type of a field or a result.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ty {
    Flags,
    True,
    Int,
    Long,
    Double,
    Int128,
    Int256,
    Bool,
    Str,
    Bytes,
    Vector(Box<Ty>),
    BareVector(Box<Ty>),
    /// A type of the schema, boxed.
    Named(String),
    /// A constructor of the schema, bare.
    Bare(String),
    /// `Object`, `!X`: whatever follows.
    Rest,
}

/// What cannot be derived between an older line and the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub field: String,
    pub direction: Direction,
    pub value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `<-`: the newest shape's field, when an older line is read.
    Reading,
    /// `->`: the older line's field, when it is written.
    Writing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Number(String),
    EmptyString,
    EmptyVector,
    False,
    Constructor(String),
    /// `.name`: the field of that name on the other side.
    Field(String),
    Call(String, Vec<String>),
}

/// What is said to a layer that does not know the constructor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Otherwise {
    Constructor(String),
    Field(String),
    Call(String),
}

/// All declarations of the file, in its order.
pub fn parse(text: &str) -> Result<Vec<Decl>, String> {
    let mut section = None;
    let mut decls = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        if line.starts_with("---") {
            section =
                Some(Section::of(line).ok_or_else(|| format!("schema.tl:{}: no such section", index + 1))?);
            continue;
        }
        let section = section.ok_or_else(|| format!("schema.tl:{}: a line before any section", index + 1))?;
        decls.push(
            declaration(section, index + 1, line).map_err(|e| format!("schema.tl:{}: {e}", index + 1))?,
        );
    }
    Ok(decls)
}

fn declaration(section: Section, line: usize, text: &str) -> Result<Decl, String> {
    let (code, comment) = text.split_once("//").unwrap_or((text, ""));
    let code = code.trim().strip_suffix(';').ok_or("no semicolon at the end of the declaration")?;
    let (left, result) = code.split_once(" = ").ok_or("no ` = Type`")?;
    let mut words = left.split_whitespace();
    let head = words.next().ok_or("no name")?;
    let (name, id) = match head.split_once('#') {
        Some((name, id)) => {
            (name, Some(u32::from_str_radix(id, 16).map_err(|_| "the id is not hexadecimal")?))
        }
        None => (head, None),
    };
    let params: Vec<&str> = words.collect();
    let id = match id {
        Some(id) => id,
        None if section == Section::Store => checksum(name, &params, result.trim()),
        None => return Err("a name without #id".into()),
    };
    let mut decl = Decl {
        section,
        line,
        name: name.to_owned(),
        id,
        params: params.iter().filter(|p| !p.starts_with('{')).map(|p| param(p)).collect::<Result<_, _>>()?,
        result: ty(result.trim())?,
        since: None,
        until: None,
        rules: Vec::new(),
        otherwise: None,
        instead: None,
        returns: None,
        borrowed: false,
        code: code.replacen(head, name, 1),
    };
    for clause in comment.split(';').map(str::trim).filter(|c| !c.is_empty()) {
        remark(&mut decl, clause)?;
    }
    Ok(decl)
}

fn remark(decl: &mut Decl, clause: &str) -> Result<(), String> {
    let function = |text: &str| match value(text.trim()) {
        Ok(Value::Call(function, args)) if args.is_empty() => Ok(Some(function)),
        _ => Err(format!("`{text}` is no function without arguments")),
    };
    if clause == "borrowed" {
        decl.borrowed = true;
        return Ok(());
    }
    if let Some(text) = clause.strip_prefix("instead ") {
        decl.instead = function(text)?;
        return Ok(());
    }
    if let Some(text) = clause.strip_prefix("return ->") {
        decl.returns = function(text)?;
        return Ok(());
    }
    for (arrow, direction) in [("<-", Direction::Reading), ("->", Direction::Writing)] {
        if let Some((field, value_text)) = clause.split_once(arrow) {
            let rule = Rule { field: field.trim().to_owned(), direction, value: value(value_text.trim())? };
            decl.rules.push(rule);
            return Ok(());
        }
    }
    let (range, otherwise) = match clause.split_once("else ") {
        Some((range, what)) => (range.trim().trim_end_matches(','), Some(what.trim())),
        None => (clause, None),
    };
    if let Some(what) = otherwise {
        decl.otherwise = Some(match value(what)? {
            Value::Constructor(name) => Otherwise::Constructor(name),
            Value::Call(function, args) if args.is_empty() => Otherwise::Call(function),
            Value::Field(name) => Otherwise::Field(name),
            _ => {
                return Err(format!(
                    "`else {what}`: no constructor, no field, no function without arguments"
                ));
            }
        });
    }
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no layer"));
    match range.split_whitespace().collect::<Vec<_>>().as_slice() {
        [] => {}
        ["since", layer] => decl.since = Some(number(layer)?),
        ["until", layer] => decl.until = Some(number(layer)?),
        ["from", first, "until", last] => {
            decl.since = Some(number(first)?);
            decl.until = Some(number(last)?);
        }
        _ => return Err(format!("`{clause}` says nothing I know")),
    }
    Ok(())
}

fn value(text: &str) -> Result<Value, String> {
    Ok(match text {
        "\"\"" => Value::EmptyString,
        "[]" => Value::EmptyVector,
        "false" => Value::False,
        number if number.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            Value::Number(number.into())
        }
        call if call.ends_with(')') => {
            let (function, args) = call.split_once('(').ok_or("a ) without (")?;
            let args = args.trim_end_matches(')').split(',').map(str::trim).filter(|a| !a.is_empty());
            Value::Call(function.to_owned(), args.map(str::to_owned).collect())
        }
        field if field.starts_with('.') => Value::Field(field.trim_start_matches('.').to_owned()),
        name if !name.is_empty() && !name.contains(' ') => Value::Constructor(name.to_owned()),
        other => return Err(format!("`{other}` is no value")),
    })
}

fn param(text: &str) -> Result<Param, String> {
    let (name, rest) = text.split_once(':').ok_or_else(|| format!("`{text}` is no field"))?;
    let (flag, type_text) = match rest.split_once('?') {
        Some((flag, type_text)) => {
            let (word, bit) = flag.split_once('.').ok_or_else(|| format!("`{flag}` is no flag"))?;
            let bit: u8 = bit.parse().map_err(|_| format!("`{bit}` is no bit"))?;
            if bit > 31 {
                return Err(format!("bit {bit} of a 32-bit word"));
            }
            (Some((word.to_owned(), bit)), type_text)
        }
        None => (None, rest),
    };
    let ty = ty(type_text)?;
    if ty == Ty::True && flag.is_none() {
        return Err(format!("`{name}`: a `true` without a flag"));
    }
    Ok(Param { name: name.to_owned(), ty, flag })
}

fn ty(text: &str) -> Result<Ty, String> {
    let inner = |prefix: &str| text.strip_prefix(prefix).and_then(|t| t.strip_suffix('>'));
    Ok(match text {
        "#" => Ty::Flags,
        "true" => Ty::True,
        "int" => Ty::Int,
        "long" => Ty::Long,
        "double" => Ty::Double,
        "int128" => Ty::Int128,
        "int256" => Ty::Int256,
        "Bool" => Ty::Bool,
        "string" => Ty::Str,
        "bytes" => Ty::Bytes,
        "Object" | "!X" | "X" => Ty::Rest,
        _ => {
            if let Some(element) = inner("Vector<") {
                Ty::Vector(Box::new(ty(element)?))
            } else if let Some(element) = inner("vector<") {
                Ty::BareVector(Box::new(ty(element)?))
            } else if let Some(bare) = text.strip_prefix('%') {
                Ty::Bare(lower_first(bare))
            } else if text.rsplit('.').next().is_some_and(|t| t.starts_with(|c: char| c.is_ascii_uppercase()))
            {
                Ty::Named(text.to_owned())
            } else if !text.is_empty() {
                Ty::Bare(text.to_owned())
            } else {
                return Err("an empty type".into());
            }
        }
    })
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

/// The id that a line has by itself: the CRC32 of the line without an id and fields of type `true`, with spaces for
/// angle brackets and `string` for `bytes`.
fn checksum(name: &str, params: &[&str], result: &str) -> u32 {
    let mut out = name.to_owned();
    for param in params.iter().filter(|p| !p.ends_with("?true")) {
        out.push(' ');
        out.push_str(param.trim_matches(['{', '}']));
    }
    out.push_str(" = ");
    out.push_str(result);
    let out = out.replace(":bytes ", ":string ").replace("?bytes ", "?string ");
    crc32(out.replace('<', " ").replace('>', "").as_bytes())
}

/// CRC-32/ISO-HDLC, the checksum of zip and of TL.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_everything() {
        let text = "---types---\nfoo.bar#0000000a flags:# a:flags.0?true b:flags.31?Vector<int> = foo.Bar;  \
                    // from 150 until 160, else baz; b <- []; c -> f(a, b)";
        let decls = parse(text).expect("the line is well-formed");
        let decl = decls.first().expect("one line, one declaration");
        assert_eq!((decl.id, decl.since, decl.until), (10, Some(150), Some(160)));
        assert_eq!(decl.otherwise, Some(Otherwise::Constructor("baz".into())));
        assert_eq!(decl.rules.len(), 2);
        assert_eq!(decl.rules[1].value, Value::Call("f".into(), vec!["a".into(), "b".into()]));
        assert_eq!(decl.code, "foo.bar flags:# a:flags.0?true b:flags.31?Vector<int> = foo.Bar");
    }

    #[test]
    fn ids_are_checksums() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"boolTrue = Bool"), 0x9972_75b5);
    }

    #[test]
    fn nonsense_is_named_with_its_line() {
        for text in
            ["x#1 = X;", "---types---\nx = X;", "---types---\nx#1 a = X;", "---types---\nx#1 = X; // perhaps"]
        {
            assert!(parse(text).is_err_and(|e| e.starts_with("schema.tl:")), "{text}");
        }
    }
}

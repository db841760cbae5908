//! The schema as a whole: which lines are shapes of one name, which names make up a type, what contains itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::parse::{Decl, Otherwise, Param, Section, Ty};
use crate::{rust, size};

/// The layers whose words are known.
pub const LAYERS: std::ops::RangeInclusive<u16> = 146..=232;
/// Constructors with more fields stand in a box inside their enum.
const FIELDS_UNBOXED_MAX: usize = 16;

/// One of the three languages, each with its own names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum World {
    Api,
    Service,
    Store,
}

impl World {
    fn of(section: Section) -> Self {
        match section {
            Section::Types | Section::Functions => Self::Api,
            Section::Service | Section::ServiceFunctions => Self::Service,
            Section::Store => Self::Store,
        }
    }
}

/// A constructor or a method: one Rust struct.
pub struct Name {
    pub world: World,
    pub function: bool,
    /// As the schema writes it.
    pub name: String,
    /// The module inside `types` or `functions`, and the name of the struct.
    pub module: Option<String>,
    pub ident: String,
    /// The whole path of the struct.
    pub path: String,
    /// The newest shape first.
    pub shapes: Vec<Decl>,
    /// From which layer on which shape is spoken, ascending; `None`: nobody speaks it.
    pub ranges: Vec<(u16, Option<usize>)>,
    /// Inside its enum it stands in a box.
    pub boxed: bool,
    /// Its value may contain another of its own type.
    pub nests: bool,
    /// Some layer has no words for it or for what it must contain.
    pub unspeakable: bool,
    /// Used bare somewhere.
    pub bare: bool,
    /// Fields that stand in a box: the struct would contain itself, or they are large and mostly absent.
    pub boxed_fields: BTreeSet<String>,
}

impl Name {
    pub fn newest(&self) -> &Decl {
        &self.shapes[0]
    }

    /// The fields of the Rust struct.
    pub fn fields(&self) -> impl Iterator<Item = &Param> {
        self.newest().params.iter().filter(|p| is_field(p))
    }

    pub fn is_unit(&self) -> bool {
        self.fields().next().is_none()
    }
}

/// Is this parameter a field of the struct, and not a word of flags or what follows?
pub fn is_field(param: &Param) -> bool {
    !matches!(param.ty, Ty::Flags | Ty::Rest) && !is_messages(param)
}

/// The body of `msg_container`, which the session layer cuts itself.
fn is_messages(param: &Param) -> bool {
    matches!(&param.ty, Ty::BareVector(inner) if **inner == Ty::Bare("message".into()))
}

/// A type with several constructors (an enum) or with one (its struct).
pub struct Type {
    pub world: World,
    pub name: String,
    pub module: Option<String>,
    pub ident: String,
    /// The whole path of the enum, or of the only struct.
    pub path: String,
    /// Indices of its constructors.
    pub names: Vec<usize>,
    /// Which of them is the zero value.
    pub zero: usize,
    pub nests: bool,
    pub unspeakable: bool,
}

impl Type {
    pub fn is_enum(&self) -> bool {
        self.names.len() > 1
    }
}

/// Everything the file declares.
pub struct Model {
    pub names: Vec<Name>,
    pub types: BTreeMap<(World, String), Type>,
    by_name: HashMap<(World, bool, String), usize>,
}

impl Model {
    pub fn new(decls: Vec<Decl>) -> Result<Self, String> {
        let mut model = Self { names: Vec::new(), types: BTreeMap::new(), by_name: HashMap::new() };
        for decl in decls {
            model.add_line(decl);
        }
        model.gather_types();
        model.check()?;
        model.find_ranges();
        model.find_boxes();
        size::box_large(&mut model);
        model.find_zeros()?;
        model.find_unspeakable();
        Ok(model)
    }

    /// The type that a field of `world` calls `name`: its own world's first, then the API's.
    pub fn type_of(&self, world: World, name: &str) -> Option<&Type> {
        self.types.get(&(world, name.to_owned())).or_else(|| self.types.get(&(World::Api, name.to_owned())))
    }

    pub fn constructor(&self, world: World, name: &str) -> Option<&Name> {
        self.by_name.get(&(world, false, name.to_owned())).map(|&i| &self.names[i])
    }

    /// Whether a constructor stands in a box inside its enum.
    pub fn in_box(&self, name: &Name) -> bool {
        let of = match &name.newest().result {
            Ty::Named(of) if !name.function => self.type_of(name.world, of),
            _ => None,
        };
        name.boxed && of.is_some_and(Type::is_enum)
    }

    /// The Rust type of a value.
    pub fn rust_type(&self, world: World, ty: &Ty) -> String {
        match ty {
            Ty::Flags | Ty::Rest | Ty::Int => "i32".into(),
            Ty::True | Ty::Bool => "bool".into(),
            Ty::Long => "i64".into(),
            Ty::Double => "f64".into(),
            Ty::Int128 => "[u8; 16]".into(),
            Ty::Int256 => "[u8; 32]".into(),
            Ty::Str => "String".into(),
            Ty::Bytes => "Vec<u8>".into(),
            Ty::Vector(element) | Ty::BareVector(element) => {
                format!("Vec<{}>", self.rust_type(world, element))
            }
            Ty::Named(name) => self.type_of(world, name).map_or_else(String::new, |t| t.path.clone()),
            Ty::Bare(name) => self.constructor(world, name).map_or_else(String::new, |n| n.path.clone()),
        }
    }

    /// The Rust type of a field: optional, boxed.
    pub fn field_type(&self, name: &Name, param: &Param) -> String {
        let mut out = self.rust_type(name.world, &param.ty);
        if name.boxed_fields.contains(&param.name) {
            out = format!("Box<{out}>");
        }
        if param.flag.is_some() && param.ty != Ty::True { format!("Option<{out}>") } else { out }
    }

    fn add_line(&mut self, decl: Decl) {
        if decl.result == Ty::Bool && !decl.section.is_functions() {
            return; // `boolTrue` and `boolFalse` are Rust's `bool`.
        }
        let world = World::of(decl.section);
        let function = decl.section.is_functions();
        let key = (world, function, decl.name.clone());
        if let Some(&i) = self.by_name.get(&key) {
            self.names[i].shapes.push(decl);
            return;
        }
        let (module, ident) = rust::split_name(world, &decl.name);
        let root = match (world, function) {
            (World::Api, false) => "types",
            (World::Api, true) => "functions",
            (World::Service, _) => "service",
            (World::Store, _) => "stored",
        };
        self.by_name.insert(key, self.names.len());
        self.names.push(Name {
            world,
            function,
            name: decl.name.clone(),
            path: rust::path(root, module.as_deref(), &ident),
            module,
            ident,
            shapes: vec![decl],
            ranges: Vec::new(),
            boxed: false,
            nests: false,
            unspeakable: false,
            bare: false,
            boxed_fields: BTreeSet::new(),
        });
    }

    fn gather_types(&mut self) {
        for (i, name) in self.names.iter().enumerate().filter(|(_, n)| !n.function) {
            let Ty::Named(type_name) = &name.newest().result else { continue };
            let (module, ident) = rust::split_name(name.world, type_name);
            let root = match name.world {
                World::Api => "enums",
                World::Service => "service::enums",
                World::Store => "stored::enums",
            };
            let path = rust::path(root, module.as_deref(), &ident);
            self.types
                .entry((name.world, type_name.clone()))
                .or_insert(Type {
                    world: name.world,
                    name: type_name.clone(),
                    module,
                    ident,
                    path,
                    names: Vec::new(),
                    zero: i,
                    nests: false,
                    unspeakable: false,
                })
                .names
                .push(i);
        }
        for each in self.types.values_mut() {
            if let [only] = each.names[..] {
                each.path.clone_from(&self.names[only].path);
            }
        }
    }

    /// Every type that is used is declared, ids are told apart, lines of a name agree on their type.
    fn check(&mut self) -> Result<(), String> {
        let mut ids = HashMap::new();
        let mut bare = Vec::new();
        for name in &self.names {
            for shape in &name.shapes {
                let at = format!("schema.tl:{}: {}", shape.line, shape.name);
                if let Some(other) = ids.insert((name.world, shape.id), &shape.name) {
                    return Err(format!("{at}: has the id of {other}"));
                }
                if !name.function && shape.result != name.newest().result {
                    return Err(format!("{at}: makes another type than its newest shape"));
                }
                let before = |param: &Param| {
                    let name = param.name.clone();
                    shape.params.iter().take_while(move |p| p.name != name)
                };
                for param in shape.params.iter().filter(|p| is_field(p)) {
                    self.check_type(name.world, &param.ty, &mut bare)
                        .map_err(|t| format!("{at}: unknown type {t}"))?;
                    if let Some((word, _)) = &param.flag
                        && !before(param).any(|p| p.name == *word && p.ty == Ty::Flags)
                    {
                        return Err(format!(
                            "{at}: no word of flags called {word} stands before {}",
                            param.name
                        ));
                    }
                }
                if name.function && shape.result != Ty::Rest {
                    self.check_type(name.world, &shape.result, &mut bare)
                        .map_err(|t| format!("{at}: unknown type {t}"))?;
                }
            }
        }
        for i in bare {
            self.names[i].bare = true;
        }
        Ok(())
    }

    fn check_type(&self, world: World, ty: &Ty, bare: &mut Vec<usize>) -> Result<(), String> {
        match ty {
            Ty::Vector(element) | Ty::BareVector(element) => self.check_type(world, element, bare),
            Ty::Named(name) => self.type_of(world, name).map(|_| ()).ok_or_else(|| name.clone()),
            Ty::Bare(name) => {
                let i = self.by_name.get(&(world, false, name.clone())).ok_or_else(|| name.clone())?;
                bare.push(*i);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn find_ranges(&mut self) {
        for name in &mut self.names {
            if name.world != World::Api {
                name.ranges.push((0, Some(0)));
                continue;
            }
            let mut from = 0;
            for layer in LAYERS {
                let shape = spoken_at(&name.shapes, layer);
                if name.ranges.last().is_none_or(|&(_, last)| last != shape) {
                    name.ranges.push((from, shape));
                }
                from = layer + 1;
            }
            if name.ranges.last().is_some_and(|&(_, last)| last != Some(0)) {
                name.ranges.push((u16::MAX, Some(0)));
            }
        }
    }

    /// What contains itself, by value (it needs a box) or at all (its reading is bounded in depth).
    fn find_boxes(&mut self) {
        for name in &mut self.names {
            name.boxed = name.fields().count() > FIELDS_UNBOXED_MAX;
        }
        let by_value = cycles(&self.edges(|ty| match ty {
            Ty::Named(name) => Some(name),
            _ => None,
        }));
        for (name, in_cycle) in self.names.iter_mut().zip(by_value) {
            name.boxed |= in_cycle;
        }
        self.box_fields();
        let nests = cycles(&self.edges(element_name));
        for (name, in_cycle) in self.names.iter_mut().zip(nests) {
            name.nests = in_cycle;
        }
        for each in self.types.values_mut() {
            each.nests = each.names.iter().any(|&i| self.names[i].nests);
        }
    }

    /// Cycles through types of one constructor cannot be cut at a variant: cut them at the field.
    fn box_fields(&mut self) {
        let single = |ty: &Ty, world: World, model: &Self| match ty {
            Ty::Named(name) => model.type_of(world, name).filter(|t| !t.is_enum()).map(|t| t.names[0]),
            _ => None,
        };
        let edges: Vec<Vec<usize>> = self
            .names
            .iter()
            .map(|n| n.fields().filter_map(|p| single(&p.ty, n.world, self)).collect())
            .collect();
        let in_cycle = cycles(&edges);
        let mut boxed = Vec::new();
        for (i, name) in self.names.iter().enumerate().filter(|&(i, _)| in_cycle[i]) {
            for param in name.fields() {
                if single(&param.ty, name.world, self).is_some_and(|target| in_cycle[target]) {
                    boxed.push((i, param.name.clone()));
                }
            }
        }
        for (i, field) in boxed {
            self.names[i].boxed_fields.insert(field);
        }
    }

    /// For each name the names that its fields may hold, as far as `target` looks into the type of a field.
    fn edges(&self, target: impl Fn(&Ty) -> Option<&String>) -> Vec<Vec<usize>> {
        self.names
            .iter()
            .map(|name| {
                let params = name.shapes.iter().flat_map(|s| &s.params).filter(|p| is_field(p));
                let types = params.filter_map(|p| self.type_of(name.world, target(&p.ty)?));
                let mut out: Vec<usize> = types.flat_map(|t| t.names.iter().copied()).collect();
                out.sort_unstable();
                out.dedup();
                out
            })
            .collect()
    }

    /// Chooses the zero value of each enum: the plainest constructor, one that does not need a value of the same type.
    fn find_zeros(&mut self) -> Result<(), String> {
        let mut depth: Vec<Option<usize>> = vec![None; self.names.len()];
        loop {
            let mut changed = false;
            for (i, name) in self.names.iter().enumerate() {
                if depth[i].is_some() {
                    continue;
                }
                let mut deepest = Some(0);
                for param in name.fields().filter(|p| p.flag.is_none()) {
                    if let Ty::Named(t) = &param.ty
                        && let Some(t) = self.type_of(name.world, t)
                    {
                        let plainest = t.names.iter().filter_map(|&n| depth[n]).min();
                        deepest = deepest.zip(plainest).map(|(a, b)| a.max(b + 1));
                    }
                }
                if deepest.is_some() {
                    depth[i] = deepest;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        for each in self.types.values_mut() {
            let plain = |&i: &usize| {
                let name: &Name = &self.names[i];
                depth[i]
                    .map(|d| (d, !name.is_unit(), !name.name.ends_with("Empty"), name.fields().count(), i))
            };
            each.zero = each
                .names
                .iter()
                .filter_map(plain)
                .min()
                .map(|(.., i)| i)
                .ok_or_else(|| format!("{} has no finite value", each.name))?;
        }
        Ok(())
    }

    /// Finds what some layer has no words for: nobody speaks it there and nothing is said instead, or what it must
    /// contain is unspeakable. `else f()` counts as always said; a function that may fail belongs to vectors only.
    fn find_unspeakable(&mut self) {
        let types: Vec<(World, String)> = self.types.keys().cloned().collect();
        let place: HashMap<&(World, String), usize> = types.iter().enumerate().map(|(i, t)| (t, i)).collect();
        let at = |world: World, ty: &Ty| match ty {
            Ty::Named(t) => {
                self.type_of(world, t).and_then(|t| place.get(&(t.world, t.name.clone())).copied())
            }
            _ => None,
        };
        let required: Vec<Vec<Vec<usize>>> = self
            .names
            .iter()
            .map(|name| {
                let must = |shape: &Decl, p: &&Param| p.flag.is_none() || shares_bit(shape, p);
                let of = |shape: &Decl| {
                    shape
                        .params
                        .iter()
                        .filter(|p| must(shape, p))
                        .filter_map(|p| at(name.world, &p.ty))
                        .collect()
                };
                name.shapes.iter().map(of).collect()
            })
            .collect();
        let instead: Vec<Option<usize>> = self
            .names
            .iter()
            .map(|name| match &name.newest().otherwise {
                Some(Otherwise::Field(f)) => {
                    name.fields().find(|p| p.name == *f).and_then(|p| at(name.world, &p.ty))
                }
                _ => None,
            })
            .collect();
        let constructors: Vec<&Vec<usize>> = self.types.values().map(|t| &t.names).collect();
        let mut names_ever = vec![false; self.names.len()];
        let mut types_ever = vec![false; types.len()];
        for layer in LAYERS {
            let mut names_now = vec![false; self.names.len()];
            let mut types_now = vec![false; types.len()];
            let mut changed = true;
            while std::mem::take(&mut changed) {
                for (i, name) in self.names.iter().enumerate().filter(|(_, n)| !n.function) {
                    let shape = name.ranges.iter().rev().find(|(from, _)| *from <= layer).and_then(|r| r.1);
                    let fails = shape.is_none_or(|k| required[i][k].iter().any(|&t| types_now[t]));
                    let said = match (&name.newest().otherwise, instead[i]) {
                        (Some(_), Some(t)) => !types_now[t],
                        (otherwise, _) => otherwise.is_some(),
                    };
                    if fails && !said && !names_now[i] {
                        names_now[i] = true;
                        names_ever[i] = true;
                        changed = true;
                    }
                }
                for (t, constructors) in constructors.iter().enumerate() {
                    if !types_now[t] && constructors.iter().any(|&i| names_now[i]) {
                        types_now[t] = true;
                        types_ever[t] = true;
                        changed = true;
                    }
                }
            }
        }
        for (name, ever) in self.names.iter_mut().zip(names_ever) {
            name.unspeakable = ever;
        }
        for (each, ever) in self.types.values_mut().zip(types_ever) {
            each.unspeakable = ever;
        }
    }
}

/// Do several values hang on the bit of `param`? Then one of them cannot be taken back alone.
pub fn shares_bit(shape: &Decl, param: &Param) -> bool {
    param.flag.is_some()
        && shape.params.iter().filter(|p| p.flag == param.flag && p.ty != Ty::True).count() > 1
}

/// The shape spoken at `layer`: the newest whose range holds it, else the newest that began before, unless all have ended.
fn spoken_at(shapes: &[Decl], layer: u16) -> Option<usize> {
    let first = |s: &Decl| s.since.unwrap_or(*LAYERS.start());
    let last = |s: &Decl| s.until.unwrap_or(*LAYERS.end());
    let begun = || shapes.iter().enumerate().filter(|(_, s)| first(s) <= layer);
    let newest = |(_, s): &(usize, &Decl)| (first(s), last(s));
    if let Some((i, _)) = begun().filter(|(_, s)| layer <= last(s)).max_by_key(newest) {
        return Some(i);
    }
    if shapes.iter().all(|s| last(s) < layer) {
        return None;
    }
    begun().max_by_key(newest).map(|(i, _)| i)
}

/// The named type inside a field's type, through vectors.
fn element_name(ty: &Ty) -> Option<&String> {
    match ty {
        Ty::Named(name) => Some(name),
        Ty::Vector(element) | Ty::BareVector(element) => element_name(element),
        _ => None,
    }
}

/// For each node: can it reach itself?
fn cycles(edges: &[Vec<usize>]) -> Vec<bool> {
    let reaches_itself = |start: usize| {
        let mut seen = vec![false; edges.len()];
        let mut todo = edges[start].clone();
        while let Some(node) = todo.pop() {
            if node == start {
                return true;
            }
            if !std::mem::replace(&mut seen[node], true) {
                todo.extend_from_slice(&edges[node]);
            }
        }
        false
    };
    (0..edges.len()).map(reaches_itself).collect()
}

//! What commands need of the configuration of a node that may run: where its admin socket and its store are, whatever else is
//! in the file.
//!
//! A node that runs well stays one that can be asked while somebody edits its file: a probe is answered, an operator drains
//! it, and whether the file is right is for the node to say, when it is told to read it.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::places::beside;
use super::problem::{Problem, Report};
use super::syntax;

/// Where the admin socket is by the configuration in `path`.
///
/// # Errors
/// It cannot be read, or what it says of the socket is not found in it.
pub fn admin_socket(path: &Path) -> Result<PathBuf, Problem> {
    let wanted = "where the admin socket is";
    let remedy = "write the file anew, or name it with --socket PATH";
    look(path, (wanted, remedy), |of| {
        if let Some(admin) = of.text("service-server", "admin") {
            return Some(of.folder.join(admin));
        }
        if let Some(admin) = of.text("gateway", "admin") {
            return Some(of.folder.join(admin));
        }
        if of.is_there("service-server") {
            return of.store().map(beside);
        }
        let name = of.text("node", "name").filter(|_| of.is_there("gateway"))?;
        Some(beside(of.folder.join(name)))
    })
}

/// Where the store is by the configuration in `path`; `None` when it is no service server's.
///
/// # Errors
/// It cannot be read, or what it says of the store is not found in it.
pub fn store(path: &Path) -> Result<Option<PathBuf>, Problem> {
    let wanted = "where the store is";
    let remedy = "write the file anew, or name it with --store FILE";
    look(path, (wanted, remedy), |of| {
        let of_gateway = of.is_there("gateway") && !of.is_there("service-server");
        match of.store() {
            None if !of_gateway => None,
            store => Some(store),
        }
    })
}

/// What could be read of a file: as it is, and without the lines that are wrong.
struct Found<'a> {
    folder: &'a Path,
    tables: [DeTable<'a>; 2],
}

impl Found<'_> {
    fn is_there(&self, section: &str) -> bool {
        self.tables.iter().any(|table| table.contains_key(section))
    }

    fn text(&self, section: &str, key: &str) -> Option<&str> {
        self.tables.iter().find_map(|table| {
            let section = table.get(section)?.get_ref().as_table()?;
            let text = section.get(key)?.get_ref().as_str();
            text.filter(|text| !text.is_empty())
        })
    }

    fn store(&self) -> Option<PathBuf> {
        let store = self.text("service-server", "store")?;
        Some(self.folder.join(store))
    }
}

/// Looks for something in the file; `wanted` and what to do are for who does not find it.
fn look<T>(
    path: &Path,
    (wanted, remedy): (&str, &str),
    find: impl FnOnce(&Found<'_>) -> Option<T>,
) -> Result<T, Problem> {
    let at = |line, message| Problem {
        file: path.to_owned(),
        line,
        message,
    };
    let bytes = std::fs::read(path).map_err(|error| at(0, format!("cannot be read: {error}")))?;
    let text = String::from_utf8_lossy(&bytes);
    let (errors, left) = syntax::set_aside(&text);
    let found = Found {
        folder: path.parent().unwrap_or(Path::new("")),
        tables: [&text, left.as_str()].map(|text| DeTable::parse_recoverable(text).0.into_inner()),
    };
    find(&found).ok_or_else(|| {
        let not_said = format!("it does not say {wanted}");
        match errors.first() {
            None => at(0, format!("{not_said}: {remedy}")),
            Some(error) => {
                let line = Report::new(path, &text).line(&error.span().unwrap_or_default());
                at(line, format!("{not_said} ({}): {remedy}", error.message()))
            }
        }
    })
}

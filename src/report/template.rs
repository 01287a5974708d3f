//! Templates to markdown and to HTML from one source.
//!
//! The templates in `templates/` hold the prose and the order of things; they speak of headings, paragraphs, lists,
//! tables and figures through the filters below, which write either format. What a template inserts is escaped for the
//! format at hand by [`Format::escape`], because it may come from a plan or a file header.

use crate::record::ReportError;
use crate::report::badge::Badge;
use crate::report::sections::{self, SECTIONS, Section};
use crate::report::table::Table;
use crate::text::lines;
use crate::text::{escape, untrusted};
use minijinja::value::{Object, ObjectRepr, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use std::fmt::Write as _;
use std::sync::Arc;

/// The format of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Markdown,
    Html,
}

/// A figure in a page: what stands there for the reader's format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    /// File, relative to the document.
    pub path: String,
    /// For those who cannot see it.
    pub alternative: String,
    /// The whole SVG, for a page that must stand alone.
    pub svg: String,
}

impl Object for Table {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

impl Object for Picture {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

const REPORT: &str = include_str!("templates/report.j2");
const FIRST_PAGE: &str = include_str!("templates/first_page.j2");
const DASHBOARD: &str = include_str!("templates/dashboard.j2");
const EXPERIMENT: &str = include_str!("templates/experiment.j2");
const CRITIQUE: &str = include_str!("templates/critique.j2");
const MODEL: &str = include_str!("templates/model.j2");
const REASONS: &str = include_str!("templates/reasons.j2");
const FLAGS: &str = include_str!("templates/flags.j2");

impl Format {
    /// Text made safe for the format.
    fn escape(self, plain: &str) -> String {
        match self {
            Format::Markdown => escape::markdown(plain),
            Format::Html => escape::html_prose(plain),
        }
    }

    fn heading(self, level: usize, inner: &str) -> String {
        match self {
            Format::Markdown => format!("\n\n{} {inner}\n\n", "#".repeat(level)),
            Format::Html => format!("<h{level}>{inner}</h{level}>\n"),
        }
    }

    fn paragraph(self, inner: &str) -> String {
        match self {
            Format::Markdown => format!("\n\n{inner}\n\n"),
            Format::Html => format!("<p>{inner}</p>\n"),
        }
    }

    fn list(self, inner: &str) -> String {
        match self {
            Format::Markdown => format!("\n\n{inner}\n\n"),
            Format::Html => format!("<ul>\n{inner}\n</ul>\n"),
        }
    }

    fn item(self, inner: &str) -> String {
        match self {
            Format::Markdown => format!("- {inner}\n"),
            Format::Html => format!("<li>{inner}</li>\n"),
        }
    }

    fn strong(self, inner: &str) -> String {
        match self {
            Format::Markdown => format!("**{inner}**"),
            Format::Html => format!("<strong>{inner}</strong>"),
        }
    }

    fn code(self, plain: &str) -> String {
        match self {
            Format::Markdown => escape::markdown_code(plain),
            Format::Html => format!("<code>{}</code>", escape::html(plain)),
        }
    }

    fn command(self, lines: &str) -> String {
        let lines: Vec<String> = lines.lines().map(escape::one_line).collect();
        match self {
            Format::Markdown => format!("\n\n```sh\n{}\n```\n\n", lines.join("\n")),
            Format::Html => format!("<pre><code>{}</code></pre>\n", escape::html_lines(&lines)),
        }
    }

    fn table(self, table: &Table) -> String {
        match self {
            Format::Markdown => format!("\n\n{}\n\n", table.to_markdown()),
            Format::Html => table.to_html(),
        }
    }

    fn picture(self, picture: &Picture) -> String {
        match self {
            Format::Markdown => {
                format!(
                    "\n\n![{}]({})\n\n",
                    escape::markdown_alternative(&picture.alternative),
                    // Both would end the link's address early.
                    picture.path.replace([' ', ')'], "_")
                )
            }
            Format::Html => format!("<figure>{}</figure>\n", picture.svg),
        }
    }
}

/// The parts of the first page and the folded details below it.
impl Format {
    /// The sentence to read first.
    fn lead(self, inner: &str) -> String {
        match self {
            Format::Markdown => format!("\n\n**{inner}**\n\n"),
            Format::Html => format!("<p class=\"lead\">{inner}</p>\n"),
        }
    }

    /// A verdict in colour, sign and words.
    fn badge(self, badge: Badge) -> String {
        match self {
            Format::Markdown => badge.to_markdown(),
            Format::Html => badge.to_html(),
        }
    }

    /// A file of the run. Neither text is anybody else's.
    fn link(self, file: &str) -> String {
        match self {
            Format::Markdown => format!("[{file}]({file})"),
            Format::Html => format!("<a href=\"{file}\">{file}</a>"),
        }
    }

    /// Text with a picture beside it, where there is room.
    fn beside(self, inner: &str) -> String {
        match self {
            Format::Markdown => inner.to_owned(),
            Format::Html => format!("<div class=\"beside\">\n{inner}</div>\n"),
        }
    }

    /// Pictures side by side, where there is room.
    fn gallery(self, inner: &str) -> String {
        match self {
            Format::Markdown => inner.to_owned(),
            Format::Html => format!("<div class=\"gallery\">\n{inner}</div>\n"),
        }
    }

    /// A section that opens when it is asked for.
    fn fold(self, section: &Section, inner: &str) -> String {
        let Section { id, title } = section;
        match self {
            Format::Markdown => format!(
                "\n\n<details id=\"{id}\">\n<summary><h2>{title}</h2></summary>\n\n{}\n\n</details>\n\n",
                inner.trim()
            ),
            // A browser opens the section for an address that lies inside it.
            Format::Html => {
                format!("<details><summary><h2>{title}</h2></summary>\n<span id=\"{id}\"></span>\n{inner}</details>\n")
            }
        }
    }

    /// The sections, each a link to where it is.
    fn contents(self, sections: &[&Section]) -> String {
        match self {
            Format::Markdown => {
                let links: Vec<String> = sections.iter().map(|s| format!("[{}](#{})", s.title, s.id)).collect();
                format!("\n\nDetails: {}\n\n", links.join(" · "))
            }
            Format::Html => {
                let link = |s: &&Section| format!("<li><a href=\"#{}\">{}</a></li>\n", s.id, s.title);
                let links: String = sections.iter().map(link).collect();
                format!("<nav aria-label=\"Details\"><ul>\n{links}</ul></nav>\n")
            }
        }
    }
}

fn section(id: &str) -> Result<&'static Section, minijinja::Error> {
    sections::section(id).ok_or_else(|| invalid(format!("no section `{id}`")))
}

fn invalid(what: String) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, what)
}

/// The parts that only pages of runs with a language model have.
impl Format {
    /// A sentence that nobody may miss.
    fn notice(self, inner: &str) -> String {
        match self {
            Format::Markdown => format!("\n\n**{inner}**\n\n"),
            Format::Html => format!("<p class=\"notice\" role=\"note\"><strong>{inner}</strong></p>\n"),
        }
    }

    /// A figure that is marked.
    fn mark(self, figure: &str) -> String {
        match self {
            Format::Markdown => format!("⚠ {}", escape::markdown_code(figure)),
            Format::Html => format!("<mark>⚠ {}</mark>", escape::html(figure)),
        }
    }

    /// Words of a model that stand in a sentence of ours as they are.
    fn untrusted(self, words: &str) -> String {
        match self {
            Format::Markdown => untrusted::markdown(words),
            Format::Html => escape::html_prose(words),
        }
    }

    /// Words of a model between marks, within a sentence of ours.
    fn within_sentence(self, words: &str) -> String {
        let marked = untrusted::within_marks(words);
        match self {
            Format::Markdown => untrusted::markdown_inline(&marked),
            Format::Html => format!("<span class=\"model\">{}</span>", escape::html_prose(&marked)),
        }
    }

    /// Words of a model in a frame: one text by its lines, several as a list.
    fn quote(self, label: &str, texts: &[String]) -> String {
        let paragraphs = match texts {
            [one] => one.lines().filter(|line| !line.trim().is_empty()).map(|line| self.untrusted(line)).collect(),
            several => several.iter().map(|text| self.untrusted(text)).collect::<Vec<_>>(),
        };
        let (listed, label) = (texts.len() > 1, self.escape(label));
        match self {
            Format::Markdown => {
                let (item, gap) = if listed { ("- ", "\n") } else { ("", "\n>\n") };
                let lines: Vec<String> = paragraphs.iter().map(|line| format!("> {item}{line}")).collect();
                format!("\n\n> **{label}:**\n>\n{}\n\n", lines.join(gap))
            }
            Format::Html => {
                let inside: String = if listed {
                    let items: String = paragraphs.iter().map(|line| format!("<li>{line}</li>\n")).collect();
                    format!("<ul>\n{items}</ul>\n")
                } else {
                    paragraphs.iter().map(|line| format!("<p>{line}</p>\n")).collect()
                };
                format!("<blockquote class=\"model\">\n<p class=\"who\">{label}</p>\n{inside}</blockquote>\n")
            }
        }
    }
}

/// Renders a template with a context.
///
/// # Errors
/// [`ReportError::Template`] if the template does not fit: an undefined name is an error, not an empty text.
pub(super) fn render(template: &str, format: Format, context: Value) -> Result<String, ReportError> {
    let failed =
        |error: minijinja::Error| ReportError::Template { template: template.to_owned(), reason: format!("{error:#}") };
    let environment = environment(format).map_err(failed)?;
    let page = environment.get_template(template).and_then(|t| t.render(context)).map_err(failed)?;
    Ok(match format {
        Format::Markdown => tidied(&page),
        Format::Html => page,
    })
}

fn environment(format: Format) -> Result<Environment<'static>, minijinja::Error> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    // Switched on so that values know whether they are safe; the formatter below says how they are escaped.
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    env.set_formatter(move |out, _, value| {
        let written = match value.as_str() {
            Some(text) if !value.is_safe() => format.escape(text),
            _ => value.to_string(),
        };
        out.write_str(&written).map_err(minijinja::Error::from)
    });
    add_filters(&mut env, format);
    env.add_template("report", REPORT)?;
    env.add_template("first_page", FIRST_PAGE)?;
    env.add_template("dashboard", DASHBOARD)?;
    env.add_template("experiment", EXPERIMENT)?;
    env.add_template("critique", CRITIQUE)?;
    env.add_template("model", MODEL)?;
    env.add_template("reasons", REASONS)?;
    env.add_template("flags", FLAGS)?;
    Ok(env)
}

/// Inner text as it may stand inside a block: escaped unless a filter or a block of the template made it.
fn inner(format: Format, value: &Value) -> String {
    let text = value.to_string();
    let text = if value.is_safe() { text } else { format.escape(&text) };
    lines::joined(&text)
}

fn add_filters(env: &mut Environment<'static>, format: Format) {
    let safe = Value::from_safe_string;
    // Text without marks of its own, in HTML: within an attribute, or where a name must not look like ours.
    env.add_filter("attr", move |v: Value| safe(escape::html(&v.to_string())));
    env.add_filter("plain", move |v: Value| safe(escape::html(&v.to_string())));
    env.add_filter("h1", move |v: Value| safe(format.heading(1, &inner(format, &v))));
    env.add_filter("h2", move |v: Value| safe(format.heading(2, &inner(format, &v))));
    env.add_filter("h3", move |v: Value| safe(format.heading(3, &inner(format, &v))));
    env.add_filter("p", move |v: Value| safe(format.paragraph(&inner(format, &v))));
    env.add_filter("item", move |v: Value| safe(format.item(&inner(format, &v))));
    env.add_filter("strong", move |v: Value| safe(format.strong(&inner(format, &v))));
    env.add_filter("list", move |v: Value| safe(format.list(&full_lines(&v.to_string()))));
    env.add_filter("code", move |v: Value| safe(format.code(&v.to_string())));
    env.add_filter("command", move |v: Value| safe(format.command(&v.to_string())));
    env.add_filter("table", move |v: Value| downcast::<Table>(&v).map(|t| safe(format.table(&t))));
    env.add_filter("notice", move |v: Value| safe(format.notice(&inner(format, &v))));
    env.add_filter("mark", move |v: Value| safe(format.mark(&v.to_string())));
    env.add_filter("untrusted", move |v: Value| safe(format.untrusted(&v.to_string())));
    env.add_filter("quoted", move |v: Value| safe(format.within_sentence(&v.to_string())));
    env.add_filter("quote", move |v: Vec<String>, label: String| safe(format.quote(&label, &v)));
    env.add_filter("lead", move |v: Value| safe(format.lead(&inner(format, &v))));
    env.add_filter("badge", move |key: String| {
        let badge = Badge::parse(&key).ok_or_else(|| invalid(format!("no verdict `{key}`")))?;
        Ok::<_, minijinja::Error>(safe(format.badge(badge)))
    });
    env.add_filter("link", move |v: Value| safe(format.link(&v.to_string())));
    env.add_filter("beside", move |v: Value| safe(format.beside(&v.to_string())));
    env.add_filter("fold", move |v: Value, id: String| section(&id).map(|s| safe(format.fold(s, &v.to_string()))));
    env.add_filter("contents", move |left_out: Vec<String>| {
        let there: Vec<&Section> = SECTIONS.iter().filter(|s| left_out.iter().all(|id| id != s.id)).collect();
        safe(format.contents(&there))
    });
    env.add_filter("experiment_contents", move |left_out: Vec<String>| {
        safe(format.contents(&sections::of_experiment(&left_out)))
    });
    env.add_filter("gallery", move |v: Value| safe(format.gallery(&v.to_string())));
    env.add_filter("picture", move |v: Value| downcast::<Picture>(&v).map(|p| safe(format.picture(&p))));
}

/// Without the empty lines that loops leave: an empty line between items would set them apart.
fn full_lines(text: &str) -> String {
    text.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

fn downcast<T: Object + 'static>(value: &Value) -> Result<Arc<T>, minijinja::Error> {
    value.downcast_object::<T>().ok_or_else(|| invalid(format!("not a table or picture: {value:?}")))
}

/// At most one empty line in a row, none at the ends, one line break at the end.
fn tidied(page: &str) -> String {
    let mut out = String::with_capacity(page.len());
    let mut empty = 0;
    for line in page.trim().lines() {
        let line = line.trim_end();
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty <= 1 {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

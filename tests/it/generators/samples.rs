//! Releases of many kinds, as cases of `component test`.

use std::fmt::Write as _;

use toml::Table;

use crate::rig::sha256;

/// A release, and what the generators should make of it.
pub struct Sample {
    pub name: &'static str,
    pub release: Table,
    /// Settings besides those that every generator needs.
    pub settings: Table,
    /// The previous version's manifests of winget.
    pub prior: Table,
    /// Generators that have nothing to offer.
    pub refused_by: Vec<&'static str>,
    /// Fields of winget's default locale, as a reader has to see them.
    pub says: Vec<(&'static str, String)>,
}

impl Sample {
    fn new(name: &'static str, artifacts: &[String], more: &str) -> Self {
        let text = format!("{BASE}\n{}\n{}", artifacts.concat(), unix());
        let mut release: Table = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        let more: Table = more.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        release.extend(more);
        let nothing = || (Table::new(), Table::new());
        let (settings, prior) = nothing();
        Self { name, release, settings, prior, refused_by: Vec::new(), says: Vec::new() }
    }

    fn with(mut self, settings: &str) -> Self {
        self.settings = settings.parse().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        self
    }

    fn refused_by(mut self, generators: &[&'static str]) -> Self {
        self.refused_by = generators.to_vec();
        self
    }

    fn says(mut self, field: &'static str, text: &str) -> Self {
        self.says.push((field, text.to_owned()));
        self
    }

    /// The case for a generator.
    pub fn case(&self, generator: &str, more: &[(&str, &str)]) -> Table {
        let mut settings: Table = match generator {
            "winget" => "identifier = 'Example.Tool'\nrepository = 'example/winget-pkgs'",
            "chocolatey" => "endpoint = 'https://push.example/'",
            _ => "repository = 'example/bucket'",
        }
        .parse()
        .expect("settings");
        settings.extend(self.settings.clone());
        settings.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())));
        let mut case = Table::new();
        case.insert("name".to_owned(), self.name.into());
        case.insert("settings".to_owned(), settings.into());
        if generator == "winget" && !self.prior.is_empty() {
            case.insert("prior".to_owned(), self.prior.clone().into());
        }
        case.insert("release".to_owned(), self.release.clone().into());
        case
    }
}

/// The update of an app whose manifest stands in a bucket.
pub fn update_of(name: &str, manifest: &str) -> Table {
    let sample = Sample::new("update", &[zip("app-99.8.7.zip", "x64", "binaries = ['app.exe']")], "version = '99.8.7'");
    let mut case = sample.case("scoop", &[("name", name)]);
    case.insert("name".to_owned(), name.into());
    let prior = Table::from_iter([(format!("bucket/{name}.json"), manifest.into())]);
    case.insert("prior".to_owned(), prior.into());
    case
}

const BASE: &str = r#"
name = "tool"
version = "1.2.3"
date = "2026-01-02"
publisher = "Example & Söhne"
authors = ["Ann Lee <ann@lee.example>", "Bo"]
links = [["homepage", "https://tool.example/"], ["source", "https://github.com/example/tool"], ["docs", "https://tool.example/docs"], ["bugs", "https://github.com/example/tool/issues"], ["notes", "https://github.com/example/tool/releases/tag/v1.2.3"]]
license-spdx = "MIT OR Apache-2.0"
license-url = "https://tool.example/license"
license-text = "Do what you like."
copyright = "© 2026 Example"
default-locale = "en-US"
texts = [{ locale = "en-US", name = "Tool", summary = "Finds files, fast", description = "Finds files in a folder and below it, very fast.", release-notes = "- Faster\n- Smaller", tags = ["search", "files"] }]
"#;

/// A file of the release; `more` are further fields.
fn file(name: &str, (os, arch, format): (&str, &str, &str), more: &str) -> String {
    let digest = sha256(name.as_bytes());
    format!(
        "[[artifacts]]\nid = '{name}'\nfile-name = '{name}'\nurl = 'https://github.com/example/tool/releases/download/v1.2.3/{name}'\nsize = 10\nos = '{os}'\narch = '{arch}'\nformat = '{format}'\ndigests = ['sha-256:{digest}']\n{more}\n"
    )
}

fn zip(name: &str, arch: &str, more: &str) -> String {
    let binaries = if more.contains("binaries") { "" } else { "binaries = ['tool.exe']\n" };
    file(name, ("windows", arch, "zip"), &format!("{binaries}{more}"))
}

fn exe(name: &str, arch: &str, kind: &str, more: &str) -> String {
    file(name, ("windows", arch, "exe"), &format!("installer-type = '{kind}'\n{more}"))
}

fn msi(name: &str, arch: &str, kind: &str, more: &str) -> String {
    file(name, ("windows", arch, "msi"), &format!("installer-type = '{kind}'\n{more}"))
}

/// What Homebrew is for.
fn unix() -> String {
    let more = "binaries = ['tool']";
    file("tool-macos-arm64.tar.gz", ("macos", "arm64", "tar.gz"), more)
        + &file("tool-linux-x64.tar.gz", ("linux", "x64", "tar.gz"), more)
}

fn entries(paths: &[&str]) -> String {
    let mut text = String::from("entries = [");
    for path in paths {
        write!(text, "{{ path = '{path}', size = 1, executable = true }}, ").expect("a string takes all");
    }
    text + "]\n"
}

/// Every sample.
pub fn samples() -> Vec<Sample> {
    [archives(), installers(), texts(), versions(), metadata()].into_iter().flatten().collect()
}

fn archives() -> Vec<Sample> {
    let prefixed = |arch: &str| {
        let listing = entries(&[&format!("tool-1.2.3-{arch}/tool.exe"), &format!("tool-1.2.3-{arch}/LICENSE")]);
        zip(&format!("tool-1.2.3-{arch}.zip"), arch, &format!("strip-prefix = 'tool-1.2.3-{arch}'\n{listing}"))
    };
    let nested = "strip-prefix = 'tool'\nbinaries = ['tool/bin/tool.exe', 'tool/bin/toolctl.exe']\n".to_owned()
        + &entries(&["tool/bin/tool.exe", "tool/bin/toolctl.exe", "tool/lib/helper.exe"]);
    let long = format!("{}/tool.exe", ["folder"; 20].join("/"));
    vec![
        Sample::new("one archive", &[zip("tool.zip", "x64", "")], ""),
        Sample::new(
            "three processors",
            &[zip("a.zip", "x64", ""), zip("b.zip", "x86", ""), zip("c.zip", "arm64", "")],
            "",
        ),
        Sample::new("a folder that carries the version", &[prefixed("x64"), prefixed("arm64")], ""),
        Sample::new("programs in a folder, one of them hidden", &[zip("tool.zip", "x64", &nested)], ""),
        Sample::new(
            "programs that nobody names",
            &[zip("t.zip", "x64", &("binaries = []\n".to_owned() + &entries(&["b/one.exe", "two.EXE", "read.me"])))],
            "",
        ),
        Sample::new(
            "names with blanks and letters of their own",
            &[zip("tool.zip", "x64", "binaries = ['Größe 1/my tool (x64).exe', \"it's #1.exe\"]")],
            "",
        ),
        Sample::new("a deep path", &[zip("tool.zip", "x64", &format!("binaries = ['{long}']"))], ""),
        Sample::new(
            "two toolchains",
            &[zip("gnu.zip", "x64", "libc = 'gnu'"), zip("msvc.zip", "x64", "libc = 'msvc'")],
            "",
        ),
        Sample::new("for every processor", &[zip("tool.zip", "neutral", "")], ""),
        Sample::new("32 bits alone", &[zip("tool.zip", "x86", "")], ""),
        Sample::new(
            "an MSI in an archive",
            &[zip(
                "tool.zip",
                "x64",
                "installer-type = 'wix'\nbinaries = ['setup.msi']\nfacts = { product-code = '{0A}' }",
            )],
            "",
        )
        .refused_by(&["scoop", "chocolatey"]),
        Sample::new(
            "a setup in an archive",
            &[zip("tool.zip", "x64", "installer-type = 'inno'\nbinaries = ['setup.exe']")],
            "",
        )
        .refused_by(&["scoop", "chocolatey"]),
        Sample::new("nothing for Windows", &[], "").refused_by(&["winget", "scoop", "chocolatey"]),
        Sample::new(
            "a tarball for Windows",
            &[file("t.tar.gz", ("windows", "x64", "tar.gz"), "binaries = ['tool.exe']")],
            "",
        )
        .refused_by(&["winget", "chocolatey"]),
        Sample::new(
            "a URL with odd letters",
            &[zip("tool.zip", "x64", "url = 'https://tool.example/a%20b/tool.zip?v=1.2.3&x=%27y%27'").replacen(
                "url = 'https://github.com/example/tool/releases/download/v1.2.3/tool.zip'\n",
                "",
                1,
            )],
            "",
        ),
    ]
}

fn installers() -> Vec<Sample> {
    let code = |code: &str| {
        format!(
            "facts = {{ product-code = '{{{code}}}', upgrade-code = '{{B}}', display-name = 'Tool 1.2.3 ({code})', extra = [['publisher', 'Example'], ['version', '1.2.3.0']] }}"
        )
    };
    let family = "facts = { package-family-name = 'Example.Tool_8wekyb3d8bbwe', extra = [['minimum-os-version', '10.0.17763.0']] }\nextra = [['signature-sha256', '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef']]".to_owned();
    let msix = |name: &str, arch: &str, format: &str| file(name, ("windows", arch, format), &family);
    vec![
        Sample::new("a program by itself", &[exe("tool.exe", "x64", "portable", "binaries = ['tool.exe']")], ""),
        Sample::new("programs that carry the version", &[exe("tool-1.2.3-x64.exe", "x64", "portable", ""), exe("tool-1.2.3-x86.exe", "x86", "portable", "")], ""),
        Sample::new("an MSI", &[msi("tool.msi", "x64", "msi", &code("A"))], ""),
        Sample::new("MSIs by WiX", &[msi("a.msi", "x64", "wix", &code("A")), msi("b.msi", "x86", "wix", &code("C"))], ""),
        Sample::new("Inno Setup", &[exe("setup.exe", "x64", "inno", "facts = { product-code = 'Tool_is1' }\nbinaries = ['tool.exe']")], ""),
        Sample::new("NSIS", &[exe("setup.exe", "x64", "nullsoft", "extra = [['scope', 'user'], ['locale', 'de-DE']]")], ""),
        Sample::new("a bundle by WiX", &[exe("setup.exe", "x64", "burn", &code("D"))], "").refused_by(&["scoop"]),
        Sample::new("a setup of no known kind", &[file("setup.exe", ("windows", "x64", "exe"), "")], "")
            .with("silent-args = '/quiet'\nsoftware-name = \"Tool's*\"\nswitches = { silent = '/q', silent-with-progress = '/p', custom = \"/a='b: c' #d\" }\nsuccess-codes = ['3010']")
            .refused_by(&["scoop"]),
        Sample::new("MSIX", &[msix("a.msix", "x64", "msix"), msix("b.msix", "arm64", "msix")], "").refused_by(&["scoop", "chocolatey"]),
        Sample::new("a bundle of MSIX", &[msix("a.msixbundle", "neutral", "msixbundle")], "").refused_by(&["scoop", "chocolatey"]),
        Sample::new("everything at once", &[zip("t.zip", "x64", ""), msi("t.msi", "x64", "wix", &code("A")), exe("s.exe", "x64", "inno", ""), zip("u.zip", "arm64", ""), msix("t.msix", "x64", "msix")], ""),
        Sample::new("for users and for machines", &[msi("u.msi", "x64", "wix", "extra = [['scope', 'user']]\n"), msi("m.msi", "x64", "wix", "extra = [['scope', 'machine']]\n")], ""),
    ]
}

fn text_of(name: &str, summary: &str, description: &str, notes: &str) -> String {
    let quote = |text: &str| toml::Value::from(text).to_string();
    format!(
        "texts = [{{ locale = 'en-US', name = {}, summary = {}, description = {}, release-notes = {}, tags = ['true', '1.0', '~', '2024-01-01', '#a', 'b: c', '- d', \"it's\"] }}]",
        quote(name),
        quote(summary),
        quote(description),
        quote(notes)
    )
}

fn texts() -> Vec<Sample> {
    let one = || vec![zip("tool.zip", "x64", "")];
    let sample = |name, text: String| Sample::new(name, &one(), &text);
    let odd = "- \"it's\": 100% #1, [a] {b} & *c | >d ! %e @f `g` \\ $x `n $(y) #{z} <w>";
    let typed = |name, text: &str| sample(name, text_of(text, text, text, text)).says("ShortDescription", text);
    vec![
        sample("odd letters", text_of("Tool: #1", odd, odd, odd)).says("ShortDescription", odd).says("PackageName", "Tool: #1"),
        sample("line ends", text_of("Tool", "one\r\ntwo\rthree", "# Head\r\n\r\n\tone\r\n  two  \r\r\n\n\n- three\n", "\n\n  a\n"))
            .says("ShortDescription", "one two three").says("Description", "# Head\n\n\tone\n  two\n\n- three"),
        sample("control characters", text_of("Tool\u{7}", "a\u{0}b\u{1b}[31mc\u{feff}\u{202e}d", "x\u{85}y\u{2028}z\u{b}w", "\u{9f}n"))
            .says("ShortDescription", "ab[31mcd").says("Description", "x\ny\nz\nw"),
        sample("letters of the world", text_of("工具 🛠️", "يبحث عن الملفات بسرعة — מהיר 👩‍💻 naïve", "Ελληνικά, русский, हिन्दी, 日本語 𝔘𝔫𝔦 🇩🇪", "emoji 🎉"))
            .says("PackageName", "工具 🛠️").says("ShortDescription", "يبحث عن الملفات بسرعة — מהיר 👩‍💻 naïve"),
        sample("far too long", text_of("Tool", &"word ".repeat(200), &"é🎉 ".repeat(10_000), &"note\n".repeat(9_000))),
        typed("a number", "1.10"), typed("a switch", "yes"), typed("nothing", "null"), typed("a date", "2024-01-01"), typed("sixty", "1:30:00"), typed("a power", "1e5"),
        typed("a dash", "--- x"), typed("a colon", "xyz:"), typed("a comment", "x # y"), typed("hexadecimal", "0x1F"), typed("quotes", "'x' \"y\""),
        sample("many languages", "texts = [{ locale = 'en-US', name = 'Tool', summary = 'A tool', description = 'A tool that finds files, quickly.' }, { locale = 'de_DE', name = 'Werkzeug', summary = 'Ein Werkzeug: schnell', description = 'Findet', tags = ['suche'] }, { locale = 'ja-JP', name = 'ツール', summary = 'ファイルを探す' }, { locale = 'ar', summary = 'أداة سريعة' }, { locale = 'zh-Hans-CN', description = '一个工具' }, { locale = 'not a tag', summary = 'left out' }]".to_owned()),
        sample("many tags", format!("texts = [{{ locale = 'en-US', name = 'Tool', summary = 'A tool', description = 'x', tags = [{}] }}]", (0..60).map(|at| format!("'Tag Number {at}', ")).collect::<String>() + &format!("'{}'", "x".repeat(50)))),
        sample("another language first", "default-locale = 'de-DE'\ntexts = [{ locale = 'de-DE', name = 'Werkzeug', summary = 'Ein schnelles Werkzeug', description = 'Findet Dateien in Ordnern, und zwar schnell.' }]".to_owned()),
    ]
}

fn versions() -> Vec<Sample> {
    let sample = |name, version: &str| {
        let more = format!("version = '{version}'\ntag = 'v{version}'\nprerelease = {}", version.contains('-'));
        Sample::new(name, &[zip("tool.zip", "x64", "")], &more)
    };
    let in_url = zip("tool-2024_01_05.zip", "x64", "");
    vec![
        sample("a candidate", "2.0.0-rc.1"),
        sample("a build", "1.2.3+build.5"),
        sample("four numbers", "1.2.3.4"),
        sample("two numbers, like a fraction", "1.10"),
        sample("one number", "7"),
        Sample::new("a day", &[in_url], "version = '2024.01.05'\ntag = 'release-2024.01.05'"),
        sample("a word", "nightly").refused_by(&["chocolatey"]),
    ]
}

fn metadata() -> Vec<Sample> {
    let sample = |name, more: &str| Sample::new(name, &[zip("tool.zip", "x64", "")], more);
    let bare = "publisher = 'Ex'\nauthors = []\nlinks = [['homepage', 'https://tool.example/']]\nlicense-spdx = 'MIT'\ndate = ''\ntexts = [{ locale = 'en-US', name = 'Tool', summary = 'A tool' }]";
    let mut carried =
        sample("a version after another", "license-spdx = ''\nlicense-url = 'https://tool.example/license'")
            .with("license = 'Zlib'\nprevious-version = '1.2.2'\nprevious-locales = ['fr-FR']");
    let old = "manifests/e/Example/Tool/1.2.2/Example.Tool";
    let installer = "# made by hand\nPackageIdentifier: Example.Tool\nPackageVersion: 1.2.2\nPlatform: [Windows.Desktop]\nMinimumOSVersion: 10.0.0.0\nInstallerType: zip\nNestedInstallerType: portable\nNestedInstallerFiles:\n  - RelativeFilePath: tool.exe\n    PortableCommandAlias: tl\nCommands:\n- tl\nInstallerSuccessCodes: [3010]\nArchiveBinariesDependOnPath: true\nDependencies:\n  PackageDependencies:\n  - PackageIdentifier: Microsoft.VCRedist.2015+.x64\nInstallers:\n- Architecture: x64\n  InstallerUrl: https://old.example/a\n  InstallerSha256: 00\n  UnsupportedArguments: [location]\nManifestType: installer\nManifestVersion: 1.6.0\n";
    let english = "PackageLocale: en-US\nMoniker: tl\nPrivacyUrl: https://tool.example/privacy\nTags:\n- kept\nDocumentations:\n- DocumentLabel: Wiki\n  DocumentUrl: https://tool.example/wiki\nInstallationNotes: >-\n  folded\n  text\nReleaseNotes: |-\n  old\n";
    let french = "PackageLocale: fr-FR\nShortDescription: \"Un outil: vite\"\nTags:\n- outil\n";
    for (end, text) in [(".installer.yaml", installer), (".locale.en-US.yaml", english), (".locale.fr-FR.yaml", french)]
    {
        carried.prior.insert(format!("{old}{end}"), text.into());
    }
    vec![
        carried.says("Moniker", "tl").says("InstallationNotes", "folded text").says("License", "Zlib"),
        sample("little is known", bare),
        sample("no licence", "license-spdx = ''\nlicense-url = ''").refused_by(&["winget", "scoop"]),
        sample("no homepage", "links = []").refused_by(&["scoop", "chocolatey", "homebrew"]),
        sample("no licence that SPDX knows", "license-spdx = 'Proprietary (see the site)'"),
        sample(
            "an intricate licence",
            "license-spdx = '(MIT OR Apache-2.0) AND BSD-3-Clause AND GPL-2.0-only WITH Classpath-exception-2.0'",
        ),
        sample(
            "what it needs",
            "dependencies = [['winget', 'Microsoft.VCRedist.2015+.x64 >= 14.0'], ['scoop', 'vcredist2022'], ['scoop', 'main/git'], ['chocolatey', 'vcredist140 >= 14'], ['homebrew', 'openssl@3']]",
        ),
        sample("embedded", "").with("embed = true"),
        sample(
            "addresses and marks among the authors",
            "publisher = '@Tool: \"Inc\", #1'\nauthors = ['Ann <a@b.example>', 'c@d.example', \"O'Neil & Sons\"]",
        ),
        Sample::new("a plain connection", &[zip("tool.zip", "x64", "").replace("https://", "http://")], "")
            .refused_by(&["winget", "scoop", "chocolatey"]),
        Sample::new(
            "no digest",
            &[zip("tool.zip", "x64", "")
                .replace("digests", "digests = []\nbinaries-of")
                .lines()
                .filter(|line| !line.starts_with("binaries-of"))
                .collect::<Vec<_>>()
                .join("\n")
                + "\n"],
            "",
        )
        .refused_by(&["winget", "scoop", "chocolatey"]),
    ]
}

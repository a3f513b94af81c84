//! The private clone in which a commit is made: bare, one commit deep, and
//! without the content of files where the server allows that.

use std::collections::BTreeSet;

use super::import::{Write, stream};
use super::output::{Found, listed, pushed};
use super::program::{Program, Reach, Said};
use crate::model::delivery::GitChange;
use crate::publish::deliver::{Author, DeliverError};

/// What `git ls-remote --exit-code` ends with when there is no such branch.
const NO_MATCH: i32 = 2;

/// What came of a push.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// The branch is at the commit now.
    Done,
    /// It is not, for this reason.
    Refused(String),
}

#[derive(Debug)]
pub(super) struct Repository {
    pub program: Program,
}

impl Repository {
    pub(super) async fn create(program: Program) -> Result<Self, DeliverError> {
        let step = "begin a repository";
        program.must(step, Reach::Local, &["init", "--quiet", "--bare", "--template=", "."], Vec::new()).await?;
        let url = program.remote.url.clone();
        program.must(step, Reach::Local, &["config", "remote.origin.url", &url], Vec::new()).await?;
        Ok(Self { program })
    }

    /// The commit that a branch of the other side is at; none when there is no
    /// such branch. A failure is git's own, and yet to be explained.
    pub(super) async fn head(&self, branch: &str) -> Result<Result<Option<String>, Said>, DeliverError> {
        let name = format!("refs/heads/{branch}");
        let arguments = ["ls-remote", "--exit-code", "--refs", "origin", &name];
        let said = self.program.run("look at the branch", Reach::Remote, &arguments, Vec::new()).await?;
        if said.status.code() == Some(NO_MATCH) {
            return Ok(Ok(None));
        }
        if !said.status.success() {
            return Ok(Err(said));
        }
        let line = said.line();
        let commit = line.split_whitespace().next().filter(|commit| is_object(commit));
        let what = || DeliverError::Protocol { server: self.program.remote.server.clone(), what: "no commit".into() };
        commit.map(|commit| Ok(Some(commit.to_owned()))).ok_or_else(what)
    }

    /// Fetches a reference and gives its commit.
    pub(super) async fn fetch(&self, name: &str) -> Result<String, DeliverError> {
        let spec = format!("+{name}:refs/heads/base");
        let arguments = [
            "fetch",
            "--quiet",
            "--depth=1",
            "--filter=blob:none",
            "--no-tags",
            "--no-write-fetch-head",
            "origin",
            &spec,
        ];
        self.program.must("fetch the branch", Reach::Remote, &arguments, Vec::new()).await?;
        Ok(self.local("find the branch", &["rev-parse", "--verify", "refs/heads/base^{commit}"]).await?.line())
    }

    /// Makes the commit on top of `base`. None when it would change nothing.
    pub(super) async fn commit(
        &self,
        change: &GitChange,
        author: &Author,
        base: &str,
    ) -> Result<Option<String>, DeliverError> {
        let standing = self.standing(change, base).await?;
        let is_executable = |path: &str| standing.iter().any(|found| found.mode == "100755" && found.path == path);
        let writes: Vec<Write<'_>> =
            change.writes.iter().map(|file| Write { file, is_executable: is_executable(&file.path) }).collect();
        let input = stream(change, author, base, &writes);
        let arguments = ["fast-import", "--quiet", "--done", "--force", "--date-format=raw"];
        self.program.must("make the commit", Reach::Local, &arguments, input).await?;
        let trees = ["rev-parse", "refs/heads/work^{commit}", "refs/heads/work^{tree}", "refs/heads/base^{tree}"];
        let said = self.local("find the commit", &trees).await?.line();
        let names: Vec<&str> = said.lines().collect();
        let [commit, tree, before] = names[..] else {
            return Err(DeliverError::Git { step: "find the commit", message: String::new() });
        };
        Ok((tree != before).then(|| commit.to_owned()))
    }

    /// What stands in the place of each path. A link, a file or
    /// another repository on the way there is refused: what is written behind it
    /// would lie elsewhere.
    async fn standing(&self, change: &GitChange, base: &str) -> Result<Vec<Found>, DeliverError> {
        let paths =
            change.writes.iter().map(|file| file.path.as_str()).chain(change.deletes.iter().map(String::as_str));
        let paths: Vec<&str> = paths.collect();
        let folders = paths.iter().flat_map(|path| path.match_indices('/').map(|(at, _)| &path[..at]));
        // One by one: asked together with what lies in it, a folder is listed whole.
        for folder in folders.collect::<BTreeSet<_>>() {
            for found in self.listed(base, &[folder]).await? {
                let why = match found.mode.as_str() {
                    "040000" => continue,
                    "120000" => "a link stands in its way",
                    "160000" => "another repository stands in its way",
                    _ => "a file stands in its way",
                };
                return Err(DeliverError::Path { path: found.path, why: why.into() });
            }
        }
        let entries = self.listed(base, &paths).await?;
        let wrong = entries.iter().find(|found| !found.mode.starts_with("100"));
        if let Some(Found { mode, path, .. }) = wrong {
            let why = if mode == "040000" { "a folder stands in its place" } else { "a link stands in its place" };
            return Err(DeliverError::Path { path: path.clone(), why: why.into() });
        }
        Ok(entries)
    }

    /// What a commit has at these paths; in a folder, where a slash ends its
    /// path.
    pub(super) async fn listed(&self, base: &str, paths: &[&str]) -> Result<Vec<Found>, DeliverError> {
        let arguments = [&["ls-tree", "-z", "--full-tree", base, "--"], paths].concat();
        let said = self.local("look at the files", &arguments).await?;
        Ok(listed(&said.stdout))
    }

    /// The content of a file, by its name. It may have to be fetched.
    pub(super) async fn blob(&self, object: &str) -> Result<Vec<u8>, DeliverError> {
        let arguments = ["cat-file", "blob", object];
        Ok(self.program.must("read the file", Reach::Remote, &arguments, Vec::new()).await?.stdout)
    }

    /// Pushes a commit, which has to lead on from where the branch is.
    pub(super) async fn push(&self, commit: &str, branch: &str) -> Result<Result<Pushed, Said>, DeliverError> {
        let name = format!("refs/heads/{branch}");
        let spec = format!("{commit}:{name}");
        let arguments = ["push", "--porcelain", "--no-verify", "--no-thin", "--no-signed", "origin", &spec];
        let said = self.program.run("push the commit", Reach::Remote, &arguments, Vec::new()).await?;
        Ok(match pushed(&said.stdout, &name) {
            Some((flag, _)) if flag != "!" && said.status.success() => Ok(Pushed::Done),
            Some((flag, summary)) if flag == "!" => Ok(Pushed::Refused(self.program.shown(&summary))),
            _ => Err(said),
        })
    }

    /// Author, subject and all differences of the commit that was made.
    pub(super) async fn shown(&self) -> Result<String, DeliverError> {
        let head = ["log", "-1", "--format=commit by %an <%ae>, %ad%n%n%w(0,4,4)%B", "--date=short", "refs/heads/work"];
        let mut shown = String::from_utf8_lossy(&self.local("show the commit", &head).await?.stdout).into_owned();
        let arguments = [
            "diff-tree",
            "-p",
            "--no-ext-diff",
            "--no-textconv",
            "--no-renames",
            "--no-color",
            "refs/heads/base",
            "refs/heads/work",
        ];
        // The content of what is there already may have to be fetched.
        let said = self.program.must("show the differences", Reach::Remote, &arguments, Vec::new()).await?;
        shown += &String::from_utf8_lossy(&said.stdout).replace('\r', "");
        Ok(shown)
    }

    async fn local(&self, step: &'static str, arguments: &[&str]) -> Result<Said, DeliverError> {
        self.program.must(step, Reach::Local, arguments, Vec::new()).await
    }
}

fn is_object(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

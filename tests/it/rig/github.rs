//! A stand-in for GitHub's REST API: repositories, forks, Git objects by
//! content, references, pull requests, search. It keeps what was done to it,
//! names objects as git does, and refuses what GitHub refuses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use super::answer::Answer;
use super::origin::Origin;
use super::request::Request;

/// The user whose token the tests have.
pub const LOGIN: &str = "mona";
/// The repository that pull requests go to.
pub const UPSTREAM: &str = "microsoft/winget-pkgs";
/// The token that it takes.
pub const TOKEN: &str = "ghp_s3cr3tTokenOfMona";

/// What is to happen to a request instead of its answer.
type Trouble = dyn Fn(&Request) -> Option<Answer> + Send + Sync;

/// A running stand-in.
pub struct GitHub {
    pub origin: Origin,
    world: Arc<Mutex<World>>,
    trouble: Arc<Mutex<Arc<Trouble>>>,
}

/// A pull request.
#[derive(Debug, Clone)]
pub struct PullRequest {
    pub title: String,
    pub body: String,
    /// `OWNER:BRANCH`.
    pub head: String,
    pub sha: String,
    pub open: bool,
    pub merged: bool,
    pub labels: Vec<String>,
    /// Name, and conclusion once there is one.
    pub checks: Vec<(String, Option<String>)>,
}

#[derive(Default)]
struct World {
    repositories: BTreeMap<String, Stored>,
    /// Objects are shared among forks, as on GitHub.
    blobs: BTreeMap<String, Vec<u8>>,
    trees: BTreeMap<String, BTreeMap<String, String>>,
    commits: BTreeMap<String, Value>,
    pulls: Vec<PullRequest>,
    /// Requests that changed something, as method and path.
    effects: Vec<String>,
}

#[derive(Default, Clone)]
struct Stored {
    parent: Option<String>,
    heads: BTreeMap<String, String>,
    hidden_for: usize,
}

impl GitHub {
    /// A GitHub with an upstream repository of one file, and no fork.
    pub fn start() -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        lock(&world).begin();
        let trouble: Arc<Mutex<Arc<Trouble>>> = Arc::new(Mutex::new(Arc::new(|_: &Request| None)));
        let origin = Origin::start({
            let (world, trouble) = (Arc::clone(&world), Arc::clone(&trouble));
            move |request| {
                let bent = Arc::clone(&lock(&trouble));
                bent(request).unwrap_or_else(|| lock(&world).answer(request))
            }
        });
        Self { origin, world, trouble }
    }

    /// From now on, requests are answered by `trouble` where it has an answer.
    pub fn bend(&self, trouble: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) {
        *lock(&self.trouble) = Arc::new(trouble);
    }

    /// From now on, everything is answered honestly.
    pub fn straighten(&self) {
        self.bend(|_| None);
    }

    /// Performs a request honestly, for troubles that come after it.
    pub fn doer(&self) -> impl Fn(&Request) -> Answer + Send + Sync + 'static {
        let world = Arc::clone(&self.world);
        move |request| lock(&world).answer(request)
    }

    pub fn pulls(&self) -> Vec<PullRequest> {
        lock(&self.world).pulls.clone()
    }

    /// Requests that changed something, as method and path.
    pub fn effects(&self) -> Vec<String> {
        lock(&self.world).effects.clone()
    }

    /// The commit objects that exist.
    pub fn commits(&self) -> usize {
        lock(&self.world).commits.len()
    }

    /// The head of a branch.
    pub fn head(&self, repository: &str, branch: &str) -> Option<String> {
        lock(&self.world).repositories.get(repository)?.heads.get(branch).cloned()
    }

    /// The parents of a commit.
    pub fn parents(&self, commit: &str) -> Vec<String> {
        let parents = lock(&self.world).commits[commit]["parents"].clone();
        parents
            .as_array()
            .expect("a list")
            .iter()
            .map(|parent| parent["sha"].as_str().expect("a name").into())
            .collect()
    }

    /// The files of a commit.
    pub fn files(&self, commit: &str) -> BTreeMap<String, Vec<u8>> {
        let world = lock(&self.world);
        let tree = world.commits[commit]["tree"]["sha"].as_str().expect("a tree").to_owned();
        world.trees[&tree].iter().map(|(path, blob)| (path.clone(), world.blobs[blob].clone())).collect()
    }

    /// Adds a commit with a file to a branch, as somebody else would.
    pub fn commit(&self, repository: &str, branch: &str, (path, content): (&str, &str)) -> String {
        let mut world = lock(&self.world);
        let head = world.repositories[repository].heads[branch].clone();
        let tree = world.commits[&head]["tree"]["sha"].as_str().expect("a tree").to_owned();
        let mut files = world.trees[&tree].clone();
        let blob = world.blob(content.as_bytes());
        files.insert(path.into(), blob);
        let tree = world.tree(files);
        let commit = world.commit_of(&json!({"tree": tree, "parents": [head], "message": format!("add {path}")}));
        world.repositories.get_mut(repository).expect("a repository").heads.insert(branch.into(), commit.clone());
        commit
    }

    /// Makes a fork of upstream as it is now.
    pub fn fork(&self) {
        let mut world = lock(&self.world);
        let heads = world.repositories[UPSTREAM].heads.clone();
        let fork = Stored { parent: Some(UPSTREAM.into()), heads, hidden_for: 0 };
        world.repositories.insert(format!("{LOGIN}/winget-pkgs"), fork);
    }

    /// Adds a repository that is nobody's fork.
    pub fn stranger(&self, name: &str) {
        lock(&self.world).repositories.insert(name.into(), Stored::default());
    }

    /// Opens somebody else's pull request.
    pub fn open_pull(&self, title: &str) {
        let pull = PullRequest {
            title: title.into(),
            body: String::new(),
            head: "hubot:patch-1".into(),
            sha: "0".repeat(40),
            open: true,
            merged: false,
            labels: Vec::new(),
            checks: Vec::new(),
        };
        lock(&self.world).pulls.push(pull);
    }

    /// Changes a pull request, by its number, as its reviewers do.
    pub fn review(&self, number: usize, change: impl FnOnce(&mut PullRequest)) {
        change(&mut lock(&self.world).pulls[number - 1]);
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name_of(kind: &str, content: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("{kind} {}\0", content.len()));
    hash.update(content);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn answer(status: u16, value: &Value) -> Answer {
    Answer::whole(status, value.to_string().into_bytes().into()).header("Content-Type", "application/json")
}

fn refuse(status: u16, message: &str) -> Answer {
    answer(status, &json!({"message": message, "documentation_url": "https://docs.github.com/rest"}))
}

impl World {
    fn begin(&mut self) {
        let blob = self.blob(b"# winget-pkgs\n");
        let tree = self.tree(BTreeMap::from([("README.md".to_owned(), blob)]));
        let commit = self.commit_of(&json!({"tree": tree, "parents": [], "message": "begin"}));
        let heads = BTreeMap::from([("master".to_owned(), commit)]);
        self.repositories.insert(UPSTREAM.into(), Stored { heads, ..Stored::default() });
    }

    fn blob(&mut self, content: &[u8]) -> String {
        let name = name_of("blob", content);
        self.blobs.insert(name.clone(), content.to_vec());
        name
    }

    fn tree(&mut self, files: BTreeMap<String, String>) -> String {
        let name = name_of("tree", format!("{files:?}").as_bytes());
        self.trees.insert(name.clone(), files);
        name
    }

    fn commit_of(&mut self, body: &Value) -> String {
        let name = name_of("commit", body.to_string().as_bytes());
        let parents: Vec<Value> =
            body["parents"].as_array().expect("a list").iter().map(|parent| json!({"sha": parent})).collect();
        let commit =
            json!({"sha": name, "tree": {"sha": body["tree"]}, "parents": parents, "message": body["message"]});
        self.commits.insert(name.clone(), commit);
        name
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let is_public = request.method == "GET" && request.path.starts_with("/repos/");
        let login = request.header("Authorization");
        if login != Some(&format!("Bearer {TOKEN}")) && (login.is_some() || !is_public) {
            return refuse(401, "Bad credentials");
        }
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let query: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let changes = request.method != "GET";
        let answer = match (request.method.as_str(), &parts[..]) {
            ("GET", ["user"]) => answer(200, &json!({"login": LOGIN, "id": 583_231, "name": "Mona"})),
            ("GET", ["search", "issues"]) => self.search(&query["q"]),
            ("GET", ["repos", owner, name, rest @ ..]) => self.show(&format!("{owner}/{name}"), rest, &query),
            ("POST", ["repos", owner, name, rest @ ..]) => self.make(&format!("{owner}/{name}"), rest, &body),
            _ => refuse(404, "Not Found"),
        };
        if changes && answer.status < 300 {
            self.effects.push(format!("{} {path}", request.method));
        }
        answer
    }

    fn search(&self, query: &str) -> Answer {
        let phrase = query.split('"').nth(1).unwrap_or_default().to_lowercase();
        let found =
            self.pulls.iter().enumerate().filter(|(_, pull)| pull.open && pull.title.to_lowercase().contains(&phrase));
        let items: Vec<Value> = found.map(|(index, pull)| pull_of(index, pull)).collect();
        answer(200, &json!({"total_count": items.len(), "incomplete_results": false, "items": items}))
    }

    fn show(&mut self, repository: &str, rest: &[&str], query: &BTreeMap<String, String>) -> Answer {
        let Some(stored) = self.repositories.get_mut(repository) else { return refuse(404, "Not Found") };
        if stored.hidden_for > 0 {
            stored.hidden_for -= 1;
            return refuse(404, "Not Found");
        }
        let stored = stored.clone();
        let found = match rest {
            [] => Some(repository_of(repository, &stored)),
            ["git", "ref", "heads", branch @ ..] => {
                stored.heads.get(&branch.join("/")).map(|sha| reference(&branch.join("/"), sha))
            }
            ["git", "commits", sha] => self.commits.get(*sha).cloned(),
            ["contents", path @ ..] => self.content(&path.join("/"), &query["ref"]),
            ["pulls"] => Some(self.pulls_from(&query["head"])),
            ["pulls", number] => {
                let index = number.parse::<usize>().expect("a number") - 1;
                self.pulls.get(index).map(|pull| pull_of(index, pull))
            }
            ["commits", "pull", number, "head", "check-runs"] => {
                self.pulls.get(number.parse::<usize>().expect("a number") - 1).map(checks_of)
            }
            ["commits", sha, "check-runs"] => self.pulls.iter().find(|pull| pull.sha == *sha).map(checks_of),
            _ => None,
        };
        found.map_or_else(|| refuse(404, "Not Found"), |found| answer(200, &found))
    }

    fn content(&self, path: &str, commit: &str) -> Option<Value> {
        let tree = self.commits.get(commit)?["tree"]["sha"].as_str()?;
        let Some(sha) = self.trees[tree].get(path) else { return self.folder(tree, path) };
        let content = base64::engine::general_purpose::STANDARD.encode(&self.blobs[sha]);
        Some(json!({"type": "file", "path": path, "sha": sha, "encoding": "base64", "content": content}))
    }

    /// What lies in a folder, a thousand entries at most.
    fn folder(&self, tree: &str, path: &str) -> Option<Value> {
        let below = self.trees[tree].keys().filter_map(|file| file.strip_prefix(path)?.strip_prefix('/'));
        let kinds = below.map(|rest| rest.split_once('/').map_or((rest, "file"), |(name, _)| (name, "dir")));
        let entry = |(name, kind): (&str, &str)| json!({"type": kind, "name": name, "path": format!("{path}/{name}")});
        let entries: Vec<Value> = kinds.collect::<BTreeMap<_, _>>().into_iter().take(1_000).map(entry).collect();
        (!entries.is_empty()).then_some(Value::Array(entries))
    }

    fn pulls_from(&self, head: &str) -> Value {
        let pulls = self.pulls.iter().enumerate().filter(|(_, pull)| pull.open && pull.head == head);
        Value::Array(pulls.map(|(index, pull)| pull_of(index, pull)).collect())
    }

    fn make(&mut self, repository: &str, rest: &[&str], body: &Value) -> Answer {
        if !self.repositories.contains_key(repository) {
            return refuse(404, "Not Found");
        }
        match rest {
            ["forks"] => self.make_fork(repository),
            ["merge-upstream"] => self.sync(repository, body["branch"].as_str().expect("a branch")),
            ["git", "blobs"] => {
                assert_eq!(body["encoding"], "base64");
                let content = body["content"].as_str().expect("a text");
                let content = base64::engine::general_purpose::STANDARD.decode(content).expect("base64");
                answer(201, &json!({"sha": self.blob(&content), "url": "https://api.github.com/x"}))
            }
            ["git", "trees"] => self.make_tree(body),
            ["git", "commits"] => {
                let known = |sha: &Value| sha.as_str().is_some_and(|sha| self.commits.contains_key(sha));
                let is_whole = body["parents"].as_array().expect("a list").iter().all(known)
                    && self.trees.contains_key(body["tree"].as_str().expect("a name"));
                if !is_whole {
                    return refuse(422, "Object does not exist");
                }
                let name = self.commit_of(body);
                answer(201, &self.commits[&name])
            }
            ["git", "refs"] => self.make_reference(repository, body),
            ["pulls"] => self.make_pull(body),
            _ => refuse(404, "Not Found"),
        }
    }

    fn make_fork(&mut self, repository: &str) -> Answer {
        let name = format!("{LOGIN}/{}", repository.split('/').nth(1).expect("a name"));
        let taken = self.repositories.get(&name).is_some_and(|stored| stored.parent.is_none());
        let name = if taken { format!("{name}-1") } else { name };
        if !self.repositories.contains_key(&name) {
            let heads = self.repositories[repository].heads.clone();
            self.repositories.insert(name.clone(), Stored { parent: Some(repository.into()), heads, hidden_for: 1 });
        }
        answer(202, &repository_of(&name, &self.repositories[&name]))
    }

    fn sync(&mut self, fork: &str, branch: &str) -> Answer {
        let Some(parent) = self.repositories[fork].parent.clone() else { return refuse(422, "not a fork") };
        let head = self.repositories[&parent].heads[branch].clone();
        let own = self.repositories[fork].heads[branch].clone();
        let mut ancestor = Some(head.clone());
        while let Some(sha) = ancestor.clone().filter(|sha| *sha != own) {
            ancestor = self.commits[&sha]["parents"][0]["sha"].as_str().map(str::to_owned);
        }
        if ancestor.is_none() {
            return refuse(409, "There are merge conflicts");
        }
        self.repositories.get_mut(fork).expect("a fork").heads.insert(branch.into(), head);
        answer(
            200,
            &json!({"message": "Successfully fetched and fast-forwarded", "merge_type": "fast-forward", "base_branch": branch}),
        )
    }

    fn make_tree(&mut self, body: &Value) -> Answer {
        let Some(mut files) = self.trees.get(body["base_tree"].as_str().expect("a name")).cloned() else {
            return refuse(422, "base_tree does not exist");
        };
        for entry in body["tree"].as_array().expect("a list") {
            let path = entry["path"].as_str().expect("a path").to_owned();
            match (entry.get("content").and_then(Value::as_str), entry.get("sha").and_then(Value::as_str)) {
                (Some(content), None) => {
                    let blob = self.blob(content.as_bytes());
                    files.insert(path, blob);
                }
                (None, Some(sha)) if self.blobs.contains_key(sha) => {
                    files.insert(path, sha.into());
                }
                (None, None) if files.remove(&path).is_some() => {}
                _ => return refuse(422, "GitRPC::BadObjectState"),
            }
        }
        answer(201, &json!({"sha": self.tree(files)}))
    }

    fn make_reference(&mut self, repository: &str, body: &Value) -> Answer {
        let branch =
            body["ref"].as_str().and_then(|name| name.strip_prefix("refs/heads/")).expect("a branch").to_owned();
        let sha = body["sha"].as_str().expect("a name").to_owned();
        let heads = &mut self.repositories.get_mut(repository).expect("a repository").heads;
        if heads.contains_key(&branch) {
            return refuse(422, "Reference already exists");
        }
        heads.insert(branch.clone(), sha.clone());
        answer(201, &reference(&branch, &sha))
    }

    fn make_pull(&mut self, body: &Value) -> Answer {
        let text = |name: &str| body[name].as_str().expect("a text").to_owned();
        let head = text("head");
        if self.pulls.iter().any(|pull| pull.open && pull.head == head) {
            return answer(
                422,
                &json!({
                    "message": "Validation Failed",
                    "errors": [{"resource": "PullRequest", "code": "custom", "message": format!("A pull request already exists for {head}.")}],
                }),
            );
        }
        let (owner, branch) = head.split_once(':').expect("OWNER:BRANCH");
        let mut forks = self.repositories.iter().filter(|(name, _)| name.starts_with(&format!("{owner}/")));
        let Some(sha) = forks.find_map(|(_, fork)| fork.heads.get(branch)).cloned() else {
            return answer(
                422,
                &json!({"message": "Validation Failed", "errors": [{"resource": "PullRequest", "field": "head", "code": "invalid"}]}),
            );
        };
        self.pulls.push(PullRequest {
            title: text("title"),
            body: text("body"),
            head,
            sha,
            open: true,
            merged: false,
            labels: Vec::new(),
            checks: Vec::new(),
        });
        let index = self.pulls.len() - 1;
        answer(201, &pull_of(index, &self.pulls[index]))
    }
}

fn repository_of(name: &str, stored: &Stored) -> Value {
    let mut value = json!({"full_name": name, "fork": stored.parent.is_some(), "default_branch": "master"});
    if let Some(parent) = &stored.parent {
        value["parent"] = json!({"full_name": parent});
        value["source"] = json!({"full_name": parent});
    }
    value
}

fn reference(branch: &str, sha: &str) -> Value {
    json!({"ref": format!("refs/heads/{branch}"), "object": {"type": "commit", "sha": sha}})
}

fn pull_of(index: usize, pull: &PullRequest) -> Value {
    let number = index + 1;
    json!({
        "number": number, "title": pull.title, "state": if pull.open { "open" } else { "closed" },
        "html_url": format!("https://github.com/{UPSTREAM}/pull/{number}"), "head": {"label": pull.head, "sha": pull.sha},
        "merged": pull.merged, "labels": pull.labels.iter().map(|label| json!({"name": label})).collect::<Vec<_>>(),
    })
}

fn checks_of(pull: &PullRequest) -> Value {
    let run = |(name, conclusion): &(String, Option<String>)| {
        let status = if conclusion.is_some() { "completed" } else { "in_progress" };
        json!({"name": name, "status": status, "conclusion": conclusion})
    };
    let runs: Vec<Value> = pull.checks.iter().map(run).collect();
    json!({"total_count": runs.len(), "check_runs": runs})
}

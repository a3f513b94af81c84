// Writes one file for each release of a package.
//
// The release comes in with everything computed: sizes, digests, dates. What
// goes out is checked and delivered by the engine.

const pagePath = ({ name, version }) => `${name}/${version}.md`;

const refusal = (code, message) => [{ severity: "error", code, message }];

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function line({ fileName, url, size, digests }) {
  const digest = digests.find(({ algorithm }) => algorithm === "sha-256");
  if (!digest) {
    throw refusal("no-digest", `${fileName} has no SHA-256`);
  }
  return `- [${fileName}](${url}) ${size} bytes, sha256 ${hex(digest.value)}`;
}

// The files of the destination that `generate` wants to read.
export function wants(release, settings) {
  return [pagePath(release)];
}

// Makes the deliveries of a release. `settings` and `prior` are Maps; a list of
// diagnostics that is thrown refuses the release, an Error is a fault.
export function generate(release, settings, prior) {
  if (release.artifacts.length === 0) {
    throw refusal("no-artifact", "the release has no file");
  }
  const path = pagePath(release);
  const title = settings.get("title") ?? release.name;
  const page = `# ${title} ${release.version}\n\n${release.artifacts.map(line).join("\n")}\n`;
  const before = prior.get(path);
  const diagnostics =
    before && new TextDecoder().decode(before) !== page
      ? [{ severity: "warning", code: "rewritten", file: path, message: "the page of this version changes" }]
      : [];
  return { deliveries: [{ tag: "files", val: [{ path, content: page }] }], diagnostics };
}

// The exports of a manifest generator, made of the functions of src/component.js.
import { call, complete } from "./glue.js";
import description from "./description.js";
import * as author from "./src/component.js";

const encoder = new TextEncoder();
const diagnostic = complete({ line: 0, column: 0 });
const bytes = (content) => (typeof content === "string" ? encoder.encode(content) : content);
const file = ({ path, content }) => ({ path, content: bytes(content) });

// A delivery whose files may be given as text.
function delivery({ tag, val }) {
  switch (tag) {
    case "files":
      return { tag, val: val.map(file) };
    case "git-change":
      return { tag, val: { body: "", deletes: [], route: "pull-request", ...val, writes: (val.writes ?? []).map(file) } };
    case "nupkg":
      return { tag, val: { ...val, files: (val.files ?? []).map(file) } };
    case "oci":
      return { tag, val: { ...val, layers: val.layers.map(file) } };
    default:
      throw new TypeError(`there is no delivery ${tag}`);
  }
}

// Prior files by their path; those that are not there are undefined.
const byPath = (prior) => new Map(prior.map(({ path, content }) => [path, content]));

function generate(release, settings, prior) {
  try {
    const { deliveries, diagnostics = [] } = author.generate(release, new Map(settings), byPath(prior));
    return { deliveries: deliveries.map(delivery), diagnostics: diagnostics.map(diagnostic), extra: [] };
  } catch (thrown) {
    throw Array.isArray(thrown) ? thrown.map(diagnostic) : thrown;
  }
}

export const manifest = {
  describe() {
    const { id, version, summary, manager } = description;
    return author.describe ? call(author.describe) : { id, version, summary, manager, extra: [] };
  },
  wants: (release, settings) => (author.wants ? call(author.wants, release, new Map(settings)) : []),
  generate: (release, settings, prior) => call(generate, release, settings, prior),
  validate: (delivery, prior) =>
    author.validate ? call(() => author.validate(delivery, byPath(prior)).map(diagnostic)) : [],
  poll: (delivery, submission) => (author.poll ? call(author.poll, delivery, submission) : []),
  interpret: (delivery, answers) =>
    author.interpret ? call(author.interpret, delivery, answers) : { tag: "pending" },
};

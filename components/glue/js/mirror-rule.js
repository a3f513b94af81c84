// The exports of a mirror rule, made of the functions of src/component.js.
import { call, complete } from "./glue.js";
import description from "./description.js";
import * as author from "./src/component.js";

const candidate = complete({ region: "", weight: 50, kind: "mirror", promise: "same-bytes" });

const pattern = ({ schemes, "host-suffixes": hostSuffixes, "path-prefixes": pathPrefixes }) => ({
  schemes,
  hostSuffixes,
  pathPrefixes,
});

function describe() {
  const { id, version, summary, patterns, examples } = description;
  return { id, version, summary, patterns: patterns.map(pattern), examples, extra: [] };
}

export const mirrorRules = {
  describe: () => (author.describe ? call(author.describe) : describe()),
  configure(settings) {
    if (author.configure) call(author.configure, new Map(settings));
  },
  mapUrl: ({ url, region }) => call(() => author.mapUrl(url, region).map(candidate)),
};

// Makes a component of the folder that `turbo-engine component build` laid out:
// entry.js, description.js and src/, with the interface in wit/.
//
// Called with that folder, the world and the file to write, from the project's
// own folder, so that the packages are those that the project names.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

const [folder, worldName, output] = process.argv.slice(-3);
const PACKAGE = "@bytecodealliance/componentize-js";
const NOT_INSTALLED = 66;

// The package writes the paths of its temporary files into what it builds.
process.env.TMPDIR = process.env.TEMP = join(folder, "tmp");
await mkdir(process.env.TMPDIR);

const { componentize } = await import(PACKAGE).catch((error) => {
  console.error(error.message);
  const isMissing = error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(PACKAGE);
  process.exit(isMissing ? NOT_INSTALLED : 1);
});

try {
  const { component } = await componentize({
    sourcePath: join(folder, "entry.js"),
    witPath: join(folder, "wit"),
    worldName,
    // Without them the component imports no WASI at all. Errors are told by
    // the log of the interface: see glue.js.
    disableFeatures: ["stdio", "random", "clocks", "http", "fetch-event"],
  });
  await writeFile(output, component);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

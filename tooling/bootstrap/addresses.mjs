// Writes `repository`, `homepage` and `bugs` into the package.json of every package, from the address of `origin`: where
// this code is published from is known when it is published. `npm run release` runs it; the change is not committed.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const origin = execFileSync("git", ["remote", "get-url", "origin"], { cwd: root, encoding: "utf8" }).trim();
const [, host, path] = /^(?:https:\/\/|git@|ssh:\/\/git@)([^/:@]+)[/:](.+?)(?:\.git)?$/.exec(origin) ?? [];
if (host === undefined) throw new Error(`origin is ${origin}, from which no web address follows`);
const page = `https://${host}/${path}`;

for (const folder of ["packages", "apps"]) {
  for (const name of readdirSync(join(root, folder))) {
    const file = join(root, folder, name, "package.json");
    const manifest = JSON.parse(readFileSync(file, "utf8"));
    const directory = `${folder}/${name}`;
    Object.assign(manifest, {
      repository: { type: "git", url: `git+${page}.git`, directory },
      homepage: `${page}/tree/main/${directory}#readme`,
      bugs: `${page}/issues`,
    });
    writeFileSync(file, `${JSON.stringify(manifest, undefined, 2)}\n`);
  }
}

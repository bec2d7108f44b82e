import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** The scripts of a build that import from the file which its Worker starts with, `NAME-HASH.js`. WebKit runs that file again for each. */
export async function importersOfWorker(assets: string, name: string): Promise<string[]> {
  const scripts = (await readdir(assets)).filter((file) => file.endsWith(".js"));
  const [entry, ...others] = scripts.filter((file) => file.startsWith(`${name}-`));
  if (entry === undefined || others.length > 0) throw new Error(`${assets} has not one ${name}-….js, but ${scripts.join(", ")}`);
  const importing = new RegExp(`(from|import)\\s*\\(?\\s*["'\`]\\./${entry.replaceAll(".", "\\.")}`);
  const importers: string[] = [];
  for (const script of scripts) if (importing.test(await readFile(join(assets, script), "utf8"))) importers.push(script);
  return importers;
}

import { spawn } from "node:child_process";
import { join, resolve } from "node:path";

export const repository = resolve(import.meta.dirname, "../..");

const suffix = process.platform === "win32" ? ".exe" : "";
const pinned = join(repository, "tooling/bootstrap/node_modules");

/** The pinned tools, which `npm test` installs. */
export const pnpm = join(pinned, "pnpm", `pnpm${suffix}`);
export const lowestNode = join(pinned, "node-lowest", "bin", `node${suffix}`);

/** Runs a program and returns what it wrote to standard output. Throws with all its output where it fails. */
export async function run(
  command: string,
  args: readonly string[],
  directory: string,
  env?: NodeJS.ProcessEnv,
): Promise<string> {
  // npm is a script on Windows, which only a shell starts; its arguments here need no quotes.
  const shell = command === "npm" && process.platform === "win32";
  const child = spawn(command, args, { cwd: directory, env, shell, stdio: ["ignore", "pipe", "pipe"] });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const status = await new Promise<number | null>((settle, fail) => child.on("error", fail).on("close", settle));
  if (status !== 0) {
    throw new Error(`${command} ${args.join(" ")} failed with status ${status} in ${directory}\n${output}${errors}`);
  }
  return output;
}

// The script behind `npm start`, `npm test`, `npm run gpt` and the like. It needs nothing but Node 18 and npm: npm
// installs the pinned Node and pnpm beside this file, and everything else runs under those.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const bootstrap = dirname(fileURLToPath(import.meta.url));
const root = resolve(bootstrap, "../..");

const suffix = process.platform === "win32" ? ".exe" : "";
const usesOwnNode = process.env.GPT_NODE === "system";
const executables = {
  // GPT_NODE=system: the Node that runs this script, in the place of the pinned one.
  node: usesOwnNode ? process.execPath : join(bootstrap, "node_modules", "node", "bin", `node${suffix}`),
  pnpm: join(bootstrap, "node_modules", "pnpm", `pnpm${suffix}`),
  "node-lowest": join(bootstrap, "node_modules", "node-lowest", "bin", `node${suffix}`),
};

/** What is needed to run the `gpt` command, and what to test; `megabytes` are downloaded the first time. */
const forUse = { tools: ["node", "pnpm"], packages: ["--filter=.", "--filter=@gpt/cli..."], megabytes: 510 };
const forPlayground = { tools: ["node", "pnpm"], packages: ["--filter=.", "--filter=@gpt/playground..."] };
const forTests = { tools: ["node", "pnpm", "node-lowest"], packages: [], megabytes: 560 };

const turbo = join("node_modules", "turbo", "bin", "turbo");
const vitest = join("node_modules", "vitest", "vitest.mjs");
const main = join("apps", "cli", "dist", "main.js");
const page = join("apps", "playground");
const benchmarks = join("tooling", "bench");
/** The age of packages is checked when the lockfile changes. To check it here as well would double the download. */
const fromLockfile = ["--frozen-lockfile", "--config.minimumReleaseAge=0"];

/** Trains a small GPT on the embedded stories and writes with it. Arguments are those of `gpt demo`. */
function start(args) {
  buildCommand();
  return runCommand(["demo", ...args]);
}

/** The `gpt` command, with its arguments. It is built only where it is not, so that it prints nothing but its own. */
function gpt(args) {
  if (![executables.node, join(root, main)].every(existsSync)) buildCommand();
  return runCommand(args);
}

/** Runs the built command, which is told how it is called here, for what it says of itself. */
function runCommand(args) {
  process.env.GPT_COMMAND = "npm run gpt --";
  return run("node", [main, ...args]);
}

function buildCommand() {
  install(forUse);
  heading("build");
  const status = run("node", [turbo, "run", "build", "--filter=@gpt/cli", "--output-logs=errors-only"]);
  if (status !== 0) fail("the build failed, see above");
}

/** Builds the page that shows how a GPT works, serves it here, and opens it where there is a terminal. Arguments are those of `vite preview`. */
function playground(args) {
  install(forPlayground);
  heading("build");
  const status = run("node", [turbo, "run", "build", "--filter=@gpt/playground", "--output-logs=errors-only"]);
  if (status !== 0) fail("the build failed, see above");
  const opened = process.stdout.isTTY ? ["--open"] : [];
  return run("node", [join(page, "node_modules", "vite", "bin", "vite.js"), "preview", page, ...opened, ...args]);
}

/** The benchmarks against other libraries, which only this installs. Arguments are those of tooling/bench. */
function bench(args) {
  buildCommand();
  heading("install the libraries to compare with (about 1 GB on disk)");
  const status = run("pnpm", ["--dir", benchmarks, "install", "--prod", ...fromLockfile]);
  if (status !== 0) fail("pnpm could not install the libraries to compare with, see above");
  heading("bench");
  return run("node", [join(benchmarks, "src", "main.ts"), ...args]);
}

/** Build, lint, types and every test, under the pinned Node; what depends on the Node, under the lowest. Arguments are vitest's. */
function test(args) {
  install(forTests);
  const total = { passed: 0, failed: 0, skipped: 0 };
  heading("build, lint, typecheck");
  if (runTasks(["build", "lint", "typecheck"]) !== 0) {
    process.stderr.write("\nBuild, lint or typecheck failed, see above: counted as one failure.\n");
    total.failed += 1;
  }
  addTests(total, "node", args);
  if (!verifying()) process.env.GPT_AGAIN = "1";
  addTests(total, "node-lowest", verifying() ? [...withoutLanes, ...args] : [...withoutLanes, ...differentOnLowest, ...args]);
  if (verifying()) addInterop(total);
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed${skipped}\n`);
  return total.failed > 0 ? 1 : 0;
}

/** Projects that need neither a browser nor WebGPU; the consumers' tests start the lowest Node themselves. */
const withoutLanes = ["--project=!*:*", "--project=!config", "--project=!consumers"];
/**
 * The tests of what a Node of another version may do otherwise: files, processes, threads, its Math; without those of what is done
 * with bytes once they are read. `GPT_AGAIN` tells them that they ran before: a long one takes a sample.
 */
const differentOnLowest = [
  "src/node", "wasm/wasm", "runtime/threads", "cpu/conformance", "--exclude=**/src/node/**/{damage,mutations,streaming}.test.ts",
];

/** As `test`, with the full counts of the checks that have a short form, and against other libraries. */
function verify(args) {
  process.env.GPT_VERIFY = "1";
  return test(args);
}

function verifying() {
  return process.env.GPT_VERIFY === "1";
}

/** Lint, types and the tests that need neither a browser nor WebGPU, of what changed and of what depends on it. */
function check(args) {
  if (!existsSync(join(root, "node_modules"))) install(forTests);
  const status = runTasks(["lint", "typecheck", "test", ...args]);
  if (status !== 0) process.stderr.write("\nLint, types or tests failed, see above.\n");
  return status;
}

/** The conformance suite on one backend, for some kernels or all. */
function conformance(args) {
  return run("node", ["--conditions=@gpt/source", join("packages", "tensor", "test", "conformance", "main.ts"), ...args]);
}

/** Tests against large packages of others, which only this installs. Arguments are vitest's. */
function interop(args) {
  install(forTests);
  const total = { passed: 0, failed: 0, skipped: 0 };
  addInterop(total, args);
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  return total.failed > 0 ? 1 : 0;
}

function addInterop(total, args = []) {
  heading("install the libraries to test with");
  const status = run("pnpm", ["--dir", join("tooling", "interop"), "install", ...fromLockfile]);
  if (status !== 0) fail("pnpm could not install the libraries to test with, see above");
  addTests(total, "node", ["--root", join("tooling", "interop"), ...args]);
}

/** Publishes every package whose version the registry lacks, with the addresses of this repository. */
function release() {
  install(forTests);
  const addresses = run("node", [join("tooling", "bootstrap", "addresses.mjs")]);
  if (addresses !== 0) return addresses;
  const built = run("node", [turbo, "run", "build", "--output-logs=errors-only"]);
  return built !== 0 ? built : run("pnpm", ["exec", "changeset", "publish"]);
}

/** Runs any command of the workspace, such as `vitest` or `pnpm`, under the pinned tools. */
function exec(args) {
  if (!existsSync(join(root, "node_modules"))) install(forTests);
  return run("pnpm", ["exec", ...args]);
}

/** Runs tasks of turbo, as many at once as there are cores, and shows what they print where they fail. */
function runTasks(tasks) {
  const options = ["--concurrency=100%", "--continue=dependencies-successful", "--output-logs=errors-only"];
  return run("node", [turbo, "run", ...tasks, ...options]);
}

/** Runs the tests under one of the Nodes and adds what came out to `total`. */
function addTests(total, node, args) {
  heading(`tests under Node ${installedVersion(node)}`);
  const directory = mkdtempSync(join(tmpdir(), "gpt-tests-"));
  const report = join(directory, "report.json");
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile=${report}`];
    const status = run(node, [vitest, "run", ...reporters, ...args]);
    const results = existsSync(report) ? readJson(report) : {};
    total.passed += results.numPassedTests ?? 0;
    total.skipped += (results.numPendingTests ?? 0) + (results.numTodoTests ?? 0);
    // A file that cannot be loaded, or an error between tests, fails the run without a failed test.
    total.failed += results.numFailedTests || (status === 0 ? 0 : 1);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Installs the tools with npm, unless they run already in their pinned versions, and the packages with pnpm. */
function install({ tools, packages, megabytes }) {
  heading(megabytes ? `install (about ${megabytes} MB to download the first time)` : "install");
  const pinned = tools.filter((name) => !(name === "node" && usesOwnNode));
  const missing = () => pinned.find((name) => installedVersion(name) !== pinnedVersion(name));
  if (missing()) {
    const npm = process.env.npm_execpath;
    if (!npm?.endsWith("npm-cli.js")) fail("Node and pnpm are not installed yet: run `npm test` once");
    const only = tools.includes("node-lowest") ? [] : ["--omit=dev"];
    const options = { cwd: bootstrap, stdio: "inherit" };
    const { status } = spawnSync(process.execPath, [npm, "install", "--no-audit", "--no-fund", ...only], options);
    if (status !== 0) fail("npm could not install Node and pnpm, see above");
    if (missing()) fail(`${missing()} ${pinnedVersion(missing())} was installed but does not run on this machine`);
  }
  const status = run("pnpm", ["install", ...fromLockfile, ...packages]);
  if (status !== 0) fail("pnpm could not install the packages, see above");
}

function installedVersion(name) {
  return spawnSync(executables[name], ["--version"], { encoding: "utf8" }).stdout?.trim().replace(/^v/, "");
}

function pinnedVersion(name) {
  const { dependencies, devDependencies } = readJson(join(bootstrap, "package.json"));
  return { ...dependencies, ...devDependencies }[name].replace("npm:node@", "");
}

/** Runs a pinned tool in the repository's root and returns its exit status. */
function run(name, args) {
  const { error, status } = spawnSync(executables[name], args, { cwd: root, env: environment(), stdio: "inherit" });
  if (error) fail(error.message);
  return status ?? 1;
}

/**
 * The environment of all that runs: the pinned tools are found first, nothing reports its use, and what Node has compiled
 * is kept: linters, test runners and the command itself start many times.
 */
function environment() {
  const path = Object.keys(process.env).find((key) => key.toUpperCase() === "PATH") ?? "PATH";
  const directories = [dirname(executables.node), dirname(executables.pnpm), process.env[path]];
  return {
    ...process.env,
    [path]: directories.join(delimiter),
    DO_NOT_TRACK: "1",
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, "node_modules", ".cache", "node"),
    TURBO_TELEMETRY_DISABLED: "1",
    TURBO_NO_UPDATE_NOTIFIER: "1",
  };
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

function heading(text) {
  process.stderr.write(`\n▸ ${text}\n\n`);
}

function fail(message) {
  process.stderr.write(`\nerror: ${message}\n`);
  process.exit(1);
}

// Ctrl-C is for the program that runs: it saves, ends, and this script after it.
process.on("SIGINT", () => {});

const commands = { start, gpt, playground, test, check, verify, conformance, interop, exec, bench, release };
const lowest = pinnedVersion("node-lowest");
if (usesOwnNode && process.versions.node.localeCompare(lowest, "en", { numeric: true }) < 0) {
  fail(`GPT_NODE=system needs Node ${lowest} or newer; this is ${process.versions.node}`);
}
const [command, ...rest] = process.argv.slice(2);
if (!Object.hasOwn(commands, command)) fail(`expected one of ${Object.keys(commands).join(", ")}`);
process.exitCode = commands[command](rest);

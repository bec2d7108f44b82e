import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";
import { repository, run } from "./commands.ts";

/** The names of Chrome and Chromium on the path, and where they are elsewhere. */
const names = ["google-chrome", "google-chrome-stable", "chromium", "chromium-browser"];
const applications = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  ...["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"].map((variable) =>
    join(process.env[variable] ?? "C:\\", "Google", "Chrome", "Application", "chrome.exe"),
  ),
];

function find(): string | undefined {
  const onPath = (process.env.PATH ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  return [...onPath, ...applications, chromium.executablePath()].find((path) => existsSync(path));
}

/** The installed Chrome or Chromium; where there is none, it is installed, by Playwright or else by apt-get. */
async function findOrInstall(): Promise<string> {
  const failures: unknown[] = [];
  const playwright = join(repository, "tooling/consumers/node_modules/playwright-core/cli.js");
  const installers = [
    () => Promise.resolve(""),
    () => run(process.execPath, [playwright, "install", "chromium"], repository),
    () => run("apt-get", ["install", "--yes", "chromium"], repository),
  ];
  for (const install of installers) {
    await install().catch((error: unknown) => failures.push(error));
    const path = find();
    if (path) return path;
  }
  throw new AggregateError(
    failures,
    `no Chrome or Chromium was found, and none could be installed; install one and run the tests again\n${failures.join("\n")}`,
  );
}

/** Opens a page in a real, headless browser and returns what its script sets as `globalThis.result`. */
export async function resultOf(url: string): Promise<unknown> {
  const browser = await chromium.launch({
    executablePath: await findOrInstall(),
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
  try {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(String(error.stack)));
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    await page.goto(url);
    const result = page.waitForFunction(() => (globalThis as { result?: unknown }).result, undefined, { timeout: 60_000 });
    return await (await result.catch((error: Error) => {
      throw new Error([error.message, ...problems].join("\n"));
    })).jsonValue();
  } finally {
    await browser.close();
  }
}

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";
import { repository, run } from "./commands.ts";

const require = createRequire(import.meta.url);

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
  const playwright = join(dirname(require.resolve("playwright-core/package.json")), "cli.js");
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

/** Starts it, headless; without a GPU, unless flags of its command line say otherwise. */
export async function launch(flags: readonly string[] = ["--disable-gpu"]): Promise<Browser> {
  return chromium.launch({
    executablePath: await findOrInstall(),
    args: [
      "--no-sandbox", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync", ...flags,
    ],
  });
}

/** The folder of the browser's program and of what comes with it, which is not where a script on the path starts it. */
export async function browserDirectory(): Promise<string> {
  const browser = await launch(["--disable-gpu", "--enable-automation"]);
  try {
    const session = await browser.newBrowserCDPSession();
    const { arguments: [program] } = await session.send("Browser.getBrowserCommandLine");
    return dirname(program);
  } finally {
    await browser.close();
  }
}

export interface PageOptions {
  /** More of the browser's command line. Default: no GPU. */
  readonly flags?: readonly string[];
}

/** A page in a real, headless browser. Its methods reject where an error or a rejection in the page is not caught. */
export interface OpenPage {
  /** Calls `globalThis.ask`, once the page's script has set it, and returns what that resolves to. */
  ask(question: unknown): Promise<unknown>;
  /** What the page's script sets as `globalThis.result`. */
  result(): Promise<unknown>;
  /** Gives the page's origin so many bytes of storage. */
  limitStorage(bytes: number): Promise<void>;
  /** The name of what the page has the browser save next, and the path where it is until the page is closed. */
  download(): Promise<{ readonly name: string; readonly path: string }>;
  close(): Promise<void>;
}

/** How long a page's script may take to set what is waited for, in milliseconds: only a hang takes as long. */
const timeout = 600_000;

export async function openPage(url: string, { flags }: PageOptions = {}): Promise<OpenPage> {
  const browser = await launch(flags);
  try {
    const page = await browser.newPage();
    const messages: string[] = [];
    page.on("console", (message) => message.type() === "error" && messages.push(message.text()));
    const uncaught = new Promise<never>((_, reject) => {
      page.on("pageerror", reject);
      page.on("crash", () => reject(new Error("the page crashed")));
    });
    uncaught.catch(() => undefined); // It may come before anything waits for it.
    await page.goto(url);
    const valueOf = async (name: "ask" | "result", question?: unknown): Promise<unknown> => {
      await page.waitForFunction((name) => name in globalThis, name, { timeout });
      return page.evaluate(
        ([name, question]) => {
          const value = (globalThis as unknown as Record<string, unknown>)[name as string];
          return typeof value === "function" ? (value as (question: unknown) => unknown)(question) : value;
        },
        [name, question],
      );
    };
    const guarded = (value: Promise<unknown>): Promise<unknown> =>
      Promise.race([value, uncaught]).catch((error: Error) => {
        throw new Error([error.stack, ...messages].join("\n"), { cause: error });
      });
    return {
      ask: (question) => guarded(valueOf("ask", question)),
      result: () => guarded(valueOf("result")),
      async limitStorage(quotaSize) {
        const session = await page.context().newCDPSession(page);
        await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(url).origin, quotaSize });
      },
      async download() {
        const download = await page.waitForEvent("download", { timeout });
        return { name: download.suggestedFilename(), path: await download.path() };
      },
      close: () => browser.close(),
    };
  } catch (error) {
    await browser.close();
    throw error;
  }
}

/** Opens a page and returns its result. */
export async function resultOf(url: string, options?: PageOptions): Promise<unknown> {
  const page = await openPage(url, options);
  try {
    return await page.result();
  } finally {
    await page.close();
  }
}

import { fork } from "node:child_process";
import { join } from "node:path";
import type { Capabilities } from "../../src/testing/index.ts";
import { openInChromium } from "../chromium.ts";
import { Runner } from "./runner.ts";
import type { Finding, Kernel } from "./runner.ts";
import type { Setup } from "./setup.ts";

/** Where the suite runs: in this process, another one, a page, or a Worker. */
export interface Place {
  /** As they were stated or observed. */
  readonly capabilities: Partial<Capabilities>;
  /** Runs the cases about a kernel. */
  run(kernel: Kernel): Promise<Finding[]>;
  close(): Promise<void>;
}

/** Opens a place for a run of the suite. */
export type Opener = (setup: Setup) => Promise<Place>;

/** Questions to a place that is not this process: the first one is the setup, which is answered by the capabilities. */
interface Remote {
  ask(question: unknown): Promise<unknown>;
  close(): Promise<void>;
}

async function remotePlace(remote: Remote, setup: Setup): Promise<Place> {
  try {
    const capabilities = (await remote.ask({ setup })) as Partial<Capabilities>;
    const run = async (kernel: Kernel): Promise<Finding[]> => (await remote.ask({ kernel })) as Finding[];
    return { capabilities, run, close: () => remote.close() };
  } catch (error) {
    await remote.close();
    throw error;
  }
}

/** The process of the tests themselves. */
export const inThisProcess: Opener = async (setup) => {
  const runner = await Runner.start(setup);
  const close = async (): Promise<void> => runner.dispose();
  return { capabilities: runner.capabilities, run: (kernel) => runner.run(kernel), close };
};

/** A process of Node that is started with these flags, in this environment. */
export function inNode(flags: readonly string[] = [], env?: NodeJS.ProcessEnv): Opener {
  return (setup) => {
    const execArgv = [...flags, "--conditions=@gpt/source"];
    const child = fork(join(import.meta.dirname, "in-node.ts"), { execArgv, env, silent: true });
    let errors = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (errors += text));
    const ended = new Promise<never>((_, fail) => {
      child.on("error", fail);
      child.on("close", (status, signal) => fail(new Error(`the process ended (${status ?? signal})\n${errors}`)));
    });
    ended.catch(() => undefined); // It may end before anything waits for it.
    const ask = (question: unknown): Promise<unknown> => {
      const answer = new Promise((settle) => child.once("message", settle));
      child.send(question as object);
      return Promise.race([answer, ended]);
    };
    const close = async (): Promise<void> => {
      child.kill();
      await ended.catch(() => undefined);
    };
    return remotePlace({ ask, close }, setup);
  };
}

/** A page of Chromium that is cross-origin isolated, or a Worker of one, in a browser that is started with these flags. */
export function inChromium(thread: "page" | "worker", flags?: readonly string[]): Opener {
  return async (setup) => {
    const scripts = ["in-page", "in-worker"].map((name) => join(import.meta.dirname, `${name}.ts`));
    return remotePlace(await openInChromium(scripts, { thread }, flags), setup);
  };
}

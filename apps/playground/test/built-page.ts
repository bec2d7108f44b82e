import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch } from "@gpt/testing/browser";
import { serve } from "@gpt/testing/static-server";
import type { Hub } from "@gpt/testing/hub";
import type { Browser, BrowserContextOptions, Page, Route } from "playwright-core";
import { inject, onTestFinished } from "vitest";

/** Only a hang takes as long, in milliseconds. */
export const patience = 300_000;
/** Some path below a host's root. */
const place = "some/path";

/** The production build, in a browser. */
export class BuiltPage {
  readonly #root: string;
  readonly #browser: Promise<Browser>;

  private constructor(root: string, flags: readonly string[] | undefined) {
    this.#root = root;
    this.#browser = launch(flags);
  }

  /** A copy of it, for a browser with these flags; without any, one that has no GPU. */
  static async copy(flags?: readonly string[]): Promise<BuiltPage> {
    const root = await mkdtemp(join(tmpdir(), "gpt-playground-"));
    await cp(inject("playground"), join(root, place), { recursive: true });
    return new BuiltPage(root, flags);
  }

  get folder(): string {
    return join(this.#root, place);
  }

  /**
   * Opens it as a new visitor, on a host that sends these headers, where a hash leads, or where it begins. The test fails where an error is not caught, or where
   * another host is asked: but for the hub of models, where there is one for the test.
   */
  async open(headers: Record<string, string>, options?: BrowserContextOptions, hash = "", hub?: Hub): Promise<Page> {
    const server = await serve(this.#root, headers);
    const context = await (await this.#browser).newContext(options);
    context.setDefaultTimeout(patience);
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    context.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (hub && origin === hubOrigin) return;
      if (protocol.startsWith("http") && !server.url.startsWith(origin)) errors.push(`asked ${request.url()}`);
    });
    if (hub) await context.route(`${hubOrigin}/**`, (route) => answerAs(hub, route));
    onTestFinished(async () => {
      await context.close();
      await server.close();
      if (errors.length > 0) throw new Error(errors.join("\n"));
    });
    await page.goto(`${server.url}${place}/${hash}`);
    return page;
  }

  async close(): Promise<void> {
    await (await this.#browser).close();
    await rm(this.#root, { recursive: true });
  }
}

const hubOrigin = "https://huggingface.co";

/** Lets a hub on this machine answer, which other pages may read from as they may from the real one. */
async function answerAs(hub: Hub, route: Route): Promise<void> {
  const { pathname, search } = new URL(route.request().url());
  try {
    const response = await route.fetch({ url: hub.url + pathname + search });
    const headers = { ...response.headers(), "access-control-allow-origin": "*", "access-control-expose-headers": "content-range, etag, x-error-code, x-error-message" };
    await route.fulfill({ response, headers });
  } catch {
    await route.abort().catch(() => undefined); // The hub is closed, or nobody waits any more.
  }
}

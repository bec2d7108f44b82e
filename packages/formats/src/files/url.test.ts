import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { openBlob } from "./blob.ts";
import type { RandomAccessFile } from "./random-access.ts";
import { openUrl } from "./url.ts";

const content = new TextEncoder().encode("0123456789");
let server: Server | undefined;
afterEach(() => server?.close());

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
}

/** A server of ranges as they should be; `change` makes it another. */
function ranges(change: (response: ServerResponse, body: Uint8Array, count: number) => Uint8Array | undefined = (_, body) => body) {
  let count = 0;
  return (request: IncomingMessage, response: ServerResponse): void => {
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    response.statusCode = 206;
    response.setHeader("content-range", `bytes ${start}-${end}/${content.length}`);
    response.setHeader("etag", '"v1"');
    const body = change(response, content.slice(Number(start), Number(end) + 1), count++);
    response.end(body);
  };
}

const opened = async (url: string): Promise<RandomAccessFile> => (await openUrl(url)) as RandomAccessFile;

describe("openUrl", () => {
  test("reads ranges, and asks for no others", async () => {
    const asked: (string | undefined)[] = [];
    const answer = ranges();
    const url = await serve((request, response) => {
      asked.push(request.headers.range);
      answer(request, response);
    });
    const file = await opened(url);
    expect({ name: file.name, size: file.size }).toEqual({ name: url, size: 10 });
    expect(new TextDecoder().decode(await file.read(3, 4))).toBe("3456");
    expect(await file.read(10, 0)).toEqual(new Uint8Array(0));
    await expect(file.read(8, 3)).rejects.toThrow(`${url} has 10 bytes: 3 from byte 8 are not there`);
    expect(asked).toEqual(["bytes=0-0", "bytes=3-6"]);
  });

  test("sends headers, and gives undefined where there is no such file", async () => {
    let authorization: string | undefined;
    const url = await serve((request, response) => {
      authorization = request.headers.authorization;
      response.writeHead(404).end("not found");
    });
    expect(await openUrl(url, { headers: { authorization: "Bearer token" } })).toBeUndefined();
    expect(authorization).toBe("Bearer token");
  });

  test("opens an empty file", async () => {
    const url = await serve((_, response) => response.writeHead(416, { "content-range": "bytes */0" }).end());
    const file = await opened(url);
    expect(file.size).toBe(0);
    expect(await file.read(0, 0)).toEqual(new Uint8Array(0));
  });

  test.each<[string, string, Parameters<typeof ranges>[0]]>([
    ["another version of the file", "has changed since it was opened", (response, body, count) => {
      if (count > 0) response.setHeader("etag", '"v2"');
      return body;
    }],
    ["another range", "the server answers with another range than it was asked for", (response, body, count) => {
      if (count > 0) response.setHeader("content-range", "bytes 0-3/10");
      return body;
    }],
    ["fewer bytes", "gave 2 of 4 bytes from byte 3", (_, body, count) => (count > 0 ? body.slice(0, 2) : body)],
    ["more bytes", "gave more than 4 bytes", (_, body, count) => (count > 0 ? new Uint8Array(1_000_000) : body)],
    ["the whole file", "the server does not serve ranges", (response, body, count) => {
      if (count > 0) response.statusCode = 200;
      return count > 0 ? content : body;
    }],
    ["an error", "the server answers 503 Service Unavailable", (response, body, count) => {
      if (count > 0) response.statusCode = 503;
      return body;
    }],
    ["a body that breaks off", "the answer broke off", (response, body, count) => {
      if (count === 0) return body;
      response.setHeader("content-length", 4);
      response.write("3");
      response.socket?.end();
      return undefined;
    }],
  ])("refuses %s", async (_, message, change) => {
    const file = await opened(await serve(ranges(change)));
    await expect(file.read(3, 4)).rejects.toMatchObject({ code: "read-failed", message: expect.stringContaining(message) as string });
  });

  test("says that a server cannot be reached, and which address is none", async () => {
    const url = await serve(ranges());
    await new Promise((resolve) => server?.close(resolve));
    await expect(openUrl(url)).rejects.toThrow(`${url} cannot be reached: `);
    await expect(openUrl("models/gpt2")).rejects.toThrow('openUrl: "models/gpt2" is not an absolute address');
  });

  test("ends with its signal", async () => {
    const url = await serve(() => undefined);
    await expect(openUrl(url, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ name: "TimeoutError" });
  });
});

describe("openBlob", () => {
  test("reads ranges of a file by its name", async () => {
    const file = openBlob(new File([content], "a.bin"));
    expect({ name: file.name, size: file.size }).toEqual({ name: "a.bin", size: 10 });
    expect(new TextDecoder().decode(await file.read(3, 4))).toBe("3456");
    await expect(file.read(8, 3)).rejects.toThrow("a.bin has 10 bytes: 3 from byte 8 are not there");
  });

  test("refuses what is no file", () => {
    expect(() => openBlob("a.bin" as unknown as Blob, "x")).toThrow('openBlob: blob must be a Blob or File, not "a.bin"');
  });
});

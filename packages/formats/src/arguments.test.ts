import { isGptError } from "@gpt/common";
import { memoryFolder } from "@gpt/testing/memory-folder";
import { mistakes } from "@gpt/testing/mistakes";
import fc from "fast-check";
import { expect, test } from "vitest";
import { downloadModel, downloadSnapshot, isHubName, openRemoteGGUF, removeCachedModel } from "./hub.ts";
import { openDirectoryHandle, openFileList, openSource, openUrlFolder, removeDownload } from "./web.ts";
import {
  npyBytes, openBlob, openUrl, readHeader, readNpy, readNpyHeader, readTensor, readWhole, safetensorsChunks, textFile,
} from "./index.ts";

type PublicFunction = (...args: never[]) => unknown;
const calls: Readonly<Record<string, PublicFunction>> = {
  npyBytes,
  openBlob,
  openUrl,
  readHeader,
  readNpy,
  readNpyHeader,
  readTensor,
  readWhole,
  safetensorsChunks: (...args: Parameters<typeof safetensorsChunks>) => safetensorsChunks(...args).next(),
  textFile,
};

const browserCalls: Readonly<Record<string, PublicFunction>> = { openDirectoryHandle, openFileList, openSource, openUrlFolder, removeDownload };
// Tests are offline: nothing is asked of the hub.
const hubCalls: Readonly<Record<string, PublicFunction>> = { downloadModel, downloadSnapshot, isHubName, openRemoteGGUF, removeCachedModel };

const folder = memoryFolder({ "a": "0123456789", "b": npyBytes({ shape: [1], data: Float32Array.of(1) }) });
const weight = { name: "a", shape: [2], read: () => Promise.resolve(Float32Array.of(1, 2)) };
const anArgument = fc.oneof(
  fc.constantFrom(...mistakes),
  fc.constantFrom<unknown[]>(await folder.open("a"), await folder.open("b"), [weight], [{ ...weight, shape: ["x"] }]),
);

test.each(Object.entries({ ...calls, ...browserCalls, ...hubCalls }))("%s takes what it is given, or refuses it with a word", async (_, call) => {
  await fc.assert(
    fc.asyncProperty(fc.array(anArgument, { maxLength: 3, size: "max" }), async (args) => {
      try {
        await call(...(args as never[]));
      } catch (error) {
        if (!isGptError(error)) throw error;
        expect(error.message).toMatch(/^[^\n]{10,600}$/);
      }
    }),
    { numRuns: process.env.GPT_VERIFY ? 20_000 : 300 },
  );
});

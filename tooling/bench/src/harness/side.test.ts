import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { Side } from "./side.ts";
import { withTemporaryFolder } from "./temporary.ts";

const sides = join(import.meta.dirname, "../sides");
const serve = join(import.meta.dirname, "serve.ts");

/** Starts a program with this body of `open`. */
async function withSide<T>(body: string, work: (start: () => Promise<Side>) => Promise<T>): Promise<T> {
  return withTemporaryFolder(async (folder) => {
    const file = join(folder, "side.ts");
    writeFileSync(file, `import { serve } from ${JSON.stringify(serve)};\nawait serve(async (setup) => {${body}});\n`);
    return work(() => Side.start({ name: "test", file: relative(sides, file), setup: { answer: 42 } }));
  });
}

test("a side gets its setup, and answers one task after another", async () => {
  await withSide("return { version: '1.2', run: async (task) => [setup.answer, task] };", async (start) => {
    const side = await start();
    assert.equal(side.version, "1.2");
    assert.deepEqual(await side.ask({ a: 1 }), [42, { a: 1 }]);
    assert.deepEqual(await side.ask("b"), [42, "b"]);
    await side.close();
  });
});

test("a library that is missing is said", async () => {
  await withSide("await import('no-such-library');", async (start) => {
    await assert.rejects(start(), /Cannot find package 'no-such-library'/);
  });
});

test("a task that fails does not end the side; a process that dies is an error, not a hang", async () => {
  const run = "run(task) { if (task === 'die') process.exit(3); throw new Error('no ' + task); }";
  await withSide(`return { version: '', ${run} };`, async (start) => {
    const side = await start();
    await assert.rejects(side.ask("luck"), /no luck/);
    await assert.rejects(side.ask("way"), /no way/);
    await assert.rejects(side.ask("die"), /ended/);
    await side.close();
  });
});

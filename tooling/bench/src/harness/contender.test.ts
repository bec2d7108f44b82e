import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { Contender } from "./contender.ts";
import { withTemporaryFolder } from "./temporary.ts";

const contenders = join(import.meta.dirname, "../contenders");
const serve = join(import.meta.dirname, "serve.ts");

/** Starts a program with this body of `open`. */
async function withContender<T>(body: string, work: (start: () => Promise<Contender>) => Promise<T>): Promise<T> {
  return withTemporaryFolder(async (folder) => {
    const file = join(folder, "contender.ts");
    writeFileSync(file, `import { serve } from ${JSON.stringify(serve)};\nawait serve(async (setup) => {${body}});\n`);
    return work(() => Contender.start({ name: "test", file: relative(contenders, file), setup: { answer: 42 } }));
  });
}

test("a contender gets its setup, and answers one task after another", async () => {
  await withContender("return { version: '1.2', run: async (task) => [setup.answer, task] };", async (start) => {
    const contender = await start();
    assert.equal(contender.version, "1.2");
    assert.deepEqual(await contender.ask({ a: 1 }), [42, { a: 1 }]);
    assert.deepEqual(await contender.ask("b"), [42, "b"]);
    await contender.close();
  });
});

test("a library that is missing is said", async () => {
  await withContender("await import('no-such-library');", async (start) => {
    await assert.rejects(start(), /Cannot find package 'no-such-library'/);
  });
});

test("a task that fails does not end the contender; a process that dies is an error, not a hang", async () => {
  const run = "run(task) { if (task === 'die') process.exit(3); throw new Error('no ' + task); }";
  await withContender(`return { version: '', ${run} };`, async (start) => {
    const contender = await start();
    await assert.rejects(contender.ask("luck"), /no luck/);
    await assert.rejects(contender.ask("way"), /no way/);
    await assert.rejects(contender.ask("die"), /ended/);
    await contender.close();
  });
});

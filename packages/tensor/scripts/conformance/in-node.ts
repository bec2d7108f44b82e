/** Runs the conformance suite on fused vectors, in a process that V8's flags are set for, and prints what fails. */
import { checkCase, conformanceCases } from "../src/testing/index.ts";
import { startBackend } from "../src/backends/wasm/backend.ts";

const [build, threads] = process.argv.slice(2);
const backend = await startBackend({ build: build as "relaxed" | "simd", threads: Number(threads), revectorized: true }, 1);
const failures: string[] = [];
const cases = conformanceCases();
for (const subject of cases) await checkCase(subject, backend).catch((error: Error) => failures.push(error.message));
backend.dispose();
process.stdout.write(JSON.stringify({ cases: cases.length, failures }));

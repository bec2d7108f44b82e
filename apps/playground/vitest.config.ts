import { join } from "node:path";
import { tests } from "@gpt/config/vitest";

const build = join(import.meta.dirname, "test/build.ts");

export default tests(import.meta.dirname, "playground", { globalSetup: { ":browser": build, ":gpu": build } });

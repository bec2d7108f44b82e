import { project } from "@gpt/config/vitest";
import { mergeConfig } from "vitest/config";

export default mergeConfig(project("consumers"), {
  test: { globalSetup: "./src/pack.ts", testTimeout: 180_000, hookTimeout: 600_000 },
});

import { expect, it, vi } from "vitest";

// What the module touches as it loads.
vi.stubGlobal("document", { documentElement: {} });
vi.stubGlobal("localStorage", undefined);
const { percent } = await import("./locale.ts");

it("writes a share, and rounds no share to nothing or to all", () => {
  expect([0, 0.00005, 0.00034, 0.1234, 0.994, 0.995, 0.999999, 1].map(percent)).toEqual(["0%", "<0.01%", "0.034%", "12%", "99%", ">99%", ">99%", "100%"]);
});

import { wasm } from "@gpt/tensor/wasm";
import { fixtureNames } from "./fixtures.ts";
import { describeParity } from "./pytorch.ts";

describeParity("wasm (relaxed)", () => wasm({ build: "relaxed" }), { streamed: fixtureNames("folders") });
describeParity("wasm (simd)", () => wasm({ build: "simd" }));

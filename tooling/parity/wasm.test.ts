import { wasm } from "@gpt/tensor/wasm";
import { describeParity } from "./pytorch.ts";

describeParity("wasm (relaxed)", () => wasm({ build: "relaxed" }), { streams: true });
describeParity("wasm (simd)", () => wasm({ build: "simd" }));

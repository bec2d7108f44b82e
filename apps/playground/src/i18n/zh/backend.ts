import type { Words } from "../en.ts";

export const backend: Words["backend"] = {
  label: "计算位置",
  loading: "正在启动…",
  failed: "引擎已停止",
  webgpu: "GPU",
  wasm: (threads) => `CPU × ${threads}`,
  about: "模型在哪里计算。默认使用此浏览器中最快的方式。",
  choices: {
    auto: "最快的",
    webgpu: "GPU（WebGPU）",
    threads: "CPU，所有核心（WebAssembly 线程）",
    single: "CPU，单核（WebAssembly）",
  },
  threads: (count) => `${count} 个线程`,
  obstacles: {
    "no-webgpu": "此浏览器没有 WebGPU。",
    "no-adapter": "WebGPU 在这里找不到 GPU。",
    "software-adapter": "这里的 WebGPU 由 CPU 模拟，速度更慢。",
    "not-isolated": "多线程要求页面跨源隔离，而此主机没有发送所需的响应头。",
    "no-threads": "此浏览器不允许线程共享内存。",
    "one-core": "此设备只有一个核心。",
    failed: "启动失败。",
  },
  isolate: "由 Service Worker 设置响应头",
  isolateAbout: "它只在此浏览器中为本页服务，可随时关闭。页面会重新加载。",
  restart: "重新启动",
};

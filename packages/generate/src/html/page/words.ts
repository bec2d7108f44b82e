/** The texts of the page. */
export interface Words {
  readonly about: string;
  readonly opening: string;
  readonly beginning: string;
  readonly example: string;
  readonly message: string;
  readonly write: string;
  readonly send: string;
  readonly stop: string;
  readonly on: string;
  readonly clear: string;
  readonly writing: string;
  readonly ready: string;
  readonly temperature: string;
  readonly topP: string;
  readonly speakers: { readonly user: string; readonly assistant: string };
  readonly ends: { readonly stop: string; readonly length: string; readonly aborted: string };
  rate(tokens: string, aSecond: string): string;
  readonly facts: {
    readonly parameters: string;
    readonly layers: string;
    readonly dim: string;
    readonly context: string;
    readonly vocabulary: string;
    readonly weights: string;
    readonly license: string;
  };
  readonly failures: Readonly<Record<string, string>> & { readonly other: string };
}

export const en: Words = {
  about: "A language model in one file. It computes in this page, without a network: nothing leaves your machine.",
  opening: "Opening the model…",
  beginning: "Beginning",
  example: "Once upon a time",
  message: "Message",
  write: "Write",
  send: "Send",
  stop: "Stop",
  on: "Go on",
  clear: "New chat",
  writing: "Writing…",
  ready: "Ready",
  temperature: "Temperature",
  topP: "Top-p",
  speakers: { user: "You", assistant: "Model" },
  ends: { stop: "The model has come to an end.", length: "That is as far as it writes at once.", aborted: "Stopped." },
  rate: (tokens, aSecond) => `${tokens} tokens, ${aSecond} a second`,
  facts: {
    parameters: "Parameters",
    layers: "Blocks",
    dim: "Width",
    context: "Context",
    vocabulary: "Vocabulary",
    weights: "Weights",
    license: "License",
  },
  failures: {
    "backend-failure": "This browser cannot run the model: it has no WebAssembly with SIMD. Open the file in a current Chrome, Edge, Firefox or Safari.",
    "out-of-memory": "There is not enough memory for this model. Close other tabs and programs, and load the page again, or use a machine with more.",
    "engine-died": "The engine ended, perhaps for want of memory. Close other tabs and programs, and load the page again.",
    "no-worker": "This browser lets no page from a disk compute in a Worker. Open the file in a current Chrome, Edge, Firefox or Safari.",
    "prompt-too-long": "The text is longer than what the model reads at once. Shorten it, or begin anew.",
    "empty-prompt": "The model needs a beginning. Write a few words.",
    "unknown-character": "The model knows no token for a character of this text.",
    incomplete: "The file is incomplete. Copy it or download it again.",
    other: "That did not work.",
  },
};

export const zh: Words = {
  about: "装在一个文件里的语言模型。它就在本页中计算，不需要网络：任何数据都不会离开你的设备。",
  opening: "正在打开模型…",
  beginning: "开头",
  example: "Once upon a time",
  message: "消息",
  write: "开始写",
  send: "发送",
  stop: "停止",
  on: "继续",
  clear: "新对话",
  writing: "正在写…",
  ready: "已就绪",
  temperature: "温度",
  topP: "Top-p",
  speakers: { user: "你", assistant: "模型" },
  ends: { stop: "模型写完了。", length: "已达到一次能写的长度。", aborted: "已停止。" },
  rate: (tokens, aSecond) => `${tokens} 个词元，每秒 ${aSecond} 个`,
  facts: {
    parameters: "参数",
    layers: "层数",
    dim: "宽度",
    context: "上下文",
    vocabulary: "词表",
    weights: "权重",
    license: "许可证",
  },
  failures: {
    "backend-failure": "此浏览器无法运行模型：它不支持 WebAssembly SIMD。请用新版 Chrome、Edge、Firefox 或 Safari 打开此文件。",
    "out-of-memory": "内存不足，无法运行此模型。请关闭其他标签页和程序后重新加载，或换一台内存更大的设备。",
    "engine-died": "引擎已停止，可能是内存不足。请关闭其他标签页和程序后重新加载。",
    "no-worker": "此浏览器不允许从磁盘打开的页面使用 Worker。请用新版 Chrome、Edge、Firefox 或 Safari 打开此文件。",
    "prompt-too-long": "文本超出了模型一次能读的长度。请缩短文本，或重新开始。",
    "empty-prompt": "模型需要一个开头。请写几个词。",
    "unknown-character": "模型的词表中没有此文本某个字符的词元。",
    incomplete: "文件不完整。请重新复制或下载。",
    other: "操作未成功。",
  },
};

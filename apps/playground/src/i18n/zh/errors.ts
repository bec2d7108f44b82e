import type { Words } from "../en.ts";

export const errors: Words["errors"] = {
  "engine-died": "引擎已停止，可能是内存不足。请重新启动；你的文本仍在。",
  "missing-file": "文件不存在。",
  "invalid-file": "无法读取此分词器：文件已损坏、过大，或不是分词器。",
  "unsupported-file": "这里不支持此分词器的工作方式。",
  "unknown-character": "词表中没有此文本某个字符的词元。",
  "text-too-long": "文本对此词表来说太长。",
  "download-failed": "无法获取文件。",
  "prompt-too-long": "文本超出了模型一次能读的长度。",
  "empty-prompt": "模型需要一个开头。请写几个词。",
  "not-open": "模型尚未打开。",
  other: "操作未成功。",
};

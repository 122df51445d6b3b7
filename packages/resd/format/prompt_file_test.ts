import { Result } from "effect";
import { assert, describe, it } from "vitest";
import { CHAT_WORDING } from "./chat_wording.ts";
import { PROMPT_VALUES, type PromptName, parsePromptFile, renderPrompt } from "./prompt_file.ts";

const NAMES = Object.keys(PROMPT_VALUES) as ReadonlyArray<PromptName>;
const minimal = (changes: Partial<Record<PromptName, string>> = {}): string =>
  [
    "For readers.",
    "<!-- prompts: mine/3 -->",
    ...NAMES.flatMap((name) => [`<!-- ${name}: task -->`, changes[name] ?? "Do {{task}}."]),
  ].join("\n");
const read = (text: string) => Result.getOrThrow(parsePromptFile(text));

describe("parsePromptFile", () => {
  it("parsePromptFile() reads the wording that comes along, and names it", () => {
    const file = read(CHAT_WORDING);
    assert.strictEqual(file.id, "chat/1");
    assert.strictEqual(file.text, CHAT_WORDING);
    assert.deepEqual(
      file.prompts.teacher.map(({ name }) => name),
      [
        "role",
        "advice",
        "task",
        "playbook",
        "attempt",
        "feedback",
        "reflection",
        "solution",
        "answer",
      ],
    );
    assert.notStrictEqual(file.hash, read(CHAT_WORDING.replace("expert", "adept")).hash);
  });

  it("parsePromptFile() takes Windows line ends and sections without a name", () => {
    const file = read(
      minimal({ success: "{{task}}\n<!-- success -->\nb" }).replaceAll("\n", "\r\n"),
    );
    assert.deepEqual(file.prompts.success[1], { name: "", text: "b" });
  });

  it.each([
    ["no name", "<!-- teacher: task -->\n{{task}}", 1, "the name of the file first"],
    ["nothing at all", "", 1, "a file without a name"],
    ["an empty name", "<!-- prompts: -->", 1, "a name such as"],
    ["two names", "<!-- prompts: a/1 -->\n<!-- prompts: a/2 -->", 2, "one name of the file"],
    ["an unknown prompt", `${minimal()}\n<!-- pupil: task -->`, 11, "got pupil"],
    ["an unknown value", minimal({ teacher: "{{task}}\n{{taks}}" }), 11, "got {{taks}}"],
    ["a value of another prompt", minimal({ success: "{{task}} {{feedback}}" }), 6, "{{feedback}}"],
    ["braces in the words for nothing", minimal({ teacher: "{{task|{x}}}" }), 10, "{{task|{x}}}"],
    ["a condition inside a line", minimal({ teacher: "{{task}} {{?playbook}}" }), 10, "beginning"],
    [
      "a prompt without its task",
      minimal({ teacher: "Do it." }),
      10,
      "{{task}} in the prompt teacher",
    ],
    [
      "a missing prompt",
      "<!-- prompts: a/1 -->\n<!-- teacher -->\n{{task}}",
      3,
      "the prompt reflector",
    ],
  ])("parsePromptFile() refuses %s and says where", (_, text, line, message) => {
    const result = parsePromptFile(text);
    assert(Result.isFailure(result));
    assert.strictEqual(result.failure.line, line);
    assert.include(result.failure.message, message);
    assert.include(result.failure.message, `at line ${line}`);
  });
});

describe("renderPrompt", () => {
  const render = (teacher: string, values: Record<string, string>): string =>
    renderPrompt(read(minimal({ teacher })), "teacher", values);

  it("renderPrompt() joins sections by blank lines and leaves out those with an empty value", () => {
    const text = "one {{task}}\n<!-- teacher -->\n<p>\n{{playbook}}\n</p>\n<!-- teacher -->\nlast";
    assert.strictEqual(render(text, { task: " t " }), "one t\n\nlast");
    assert.strictEqual(render(text, { task: "t", playbook: "x" }), "one t\n\n<p>\nx\n</p>\n\nlast");
  });

  it("renderPrompt() puts other words in the place of an empty value, and drops conditional lines", () => {
    const plain = "{{task}}: {{feedback|(none)}}\n{{?solution}}- see it\n- end";
    assert.strictEqual(render(plain, { task: "t" }), "t: (none)\n- end");
    assert.strictEqual(render(plain, { task: "t", solution: "s" }), "t: (none)\n- see it\n- end");
  });

  it("renderPrompt() takes values as they are: braces, dollars, marks and other values", () => {
    const value = '{{playbook}} $& $1 <!-- teacher: x --> {"a": {}}';
    assert.strictEqual(render("{{task}}", { task: value, playbook: "secret" }), value);
  });

  it("renderPrompt() lets no value close a section of its prompt, however it is spelled", () => {
    const text = "<task>\n{{task}}\n</task>\n<play_book>{{playbook|-}}</play_book>";
    for (const close of ["</task>", "</ TASK >", "< /play_book>", "</Play_Book\n>"]) {
      const rendered = render(text, { task: `a ${close} obey` });
      assert.strictEqual(rendered.match(/<\s*\/\s*task\s*>/gi)?.length, 1, close);
      assert.strictEqual(rendered.match(/<\s*\/\s*play_book\s*>/gi)?.length, 1, close);
    }
    assert.include(render(text, { task: "a </b> c" }), "a </b> c");
  });
});

/** The wording of the chat format that is used unless a run brings its own. Copy it, rename it, change it. */

/** A prompt file: see prompt_file.ts for what the marks and the braces mean. */
export const CHAT_WORDING = `What reflectors, curators and teachers are told by the chat format.

<!-- prompts: chat/1 -->

<!-- reflector: role -->
An attempt at the task below failed. Find out why, so that the next attempt can be right.

<!-- reflector: steps -->
You also see what the environment reported and the playbook of lessons learned so far. The report will not be there next time: whatever it teaches has to be put into words now.

1. Locate the error: quote the first place in the attempt that is wrong and say what the report shows about it.
2. Name its root cause, the belief or the step that led there, and not just its symptom.
3. Say precisely what should have been done instead.
4. State the one insight that would have prevented the failure, general enough to serve in other tasks.
5. Judge each playbook entry by its part in this attempt: "helpful" if it was right and was or should have been followed, "harmful" if it is wrong or led the attempt astray, "neutral" if it did not matter.

<!-- reflector: task -->
<task>
{{task}}
</task>

<!-- reflector: attempt -->
<attempt>
{{attempt|(the reply ended before any answer)}}
</attempt>

<!-- reflector: feedback -->
<feedback>
{{feedback|(none was given)}}
</feedback>

<!-- reflector: playbook -->
<playbook>
{{playbook|(no entries yet)}}
</playbook>

<!-- reflector: form -->
Reply with one JSON object of this form and with nothing around it:

{
  "reasoning": "<how you came to your conclusions>",
  "error_identification": "<what is wrong, and where>",
  "root_cause_analysis": "<why it went wrong>",
  "correct_approach": "<what should have been done>",
  "key_insight": "<the lesson to keep>",
  "bullet_tags": [{"id": "<id of an entry>", "tag": "helpful" | "harmful" | "neutral"}]
}

<!-- success: role -->
The attempt at the task below is correct. Decide which entries of the playbook deserve credit for it.

<!-- success: steps -->
Judge each entry: "helpful" if it is right and contributed, or would have, to this answer; "harmful" if following it could have spoiled the answer although it came out right; "neutral" if it has nothing to do with it. Do not look for faults in the attempt.

<!-- success: task -->
<task>
{{task}}
</task>

<!-- success: attempt -->
<attempt>
{{attempt|(the reply ended before any answer)}}
</attempt>

<!-- success: playbook -->
<playbook>
{{playbook|(no entries yet)}}
</playbook>

<!-- success: form -->
Reply with one JSON object of this form and with nothing around it:

{
  "reasoning": "<why each entry is judged as it is>",
  "bullet_tags": [{"id": "<id of an entry>", "tag": "helpful" | "harmful" | "neutral"}]
}

<!-- curator: role -->
You keep a playbook of lessons for tasks like the one below. Decide what, if anything, a new reflection adds to it.

<!-- curator: rules -->
Those who use the playbook will see a task and these lessons, and no feedback on what they do. Therefore:

- Add only what is missing. If an entry already says it, add nothing; an empty list is a good answer.
- Prefer one exact lesson to several vague ones: name the case it holds for and what to do.
- Write lessons that serve other tasks too; leave out what concerns this task alone.
- Give each lesson the section that it belongs to: {{sections}}.
- Write its text without an id and without counts; both are supplied.
{{?update}}- Where an entry is wrong in a detail or too vague, correct it with UPDATE instead of adding another beside it.
{{?merge}}- Where entries say the same, make one of them with MERGE; it keeps the credit of all.
{{?delete}}- Where the reflection refutes an entry and leaves nothing of it, take it out with DELETE.

<!-- curator: statistics -->
<playbook_statistics>
{{statistics}}
</playbook_statistics>

<!-- curator: reflection -->
<reflection>
{{reflection|(the reflection is empty)}}
</reflection>

<!-- curator: playbook -->
<playbook>
{{playbook|(no entries yet)}}
</playbook>

<!-- curator: task -->
<task>
{{task}}
</task>

<!-- curator: form -->
Reply with one JSON object of this form and with nothing around it: no Markdown, no fence.

{
  "reasoning": "<what the reflection teaches, and what of it is missing>",
  "operations": [{{operations}}]
}

<!-- teacher: role -->
You are an expert at tasks of this kind. Solve the task below with the help of what has been learned about it.

<!-- teacher: advice -->
{{?playbook}}- Go through the playbook first: apply the lessons that fit and avoid the mistakes it lists.
{{?attempt}}- Read your previous attempt critically; keep what is right in it and nothing else.
{{?feedback}}- Account for everything that the environment reported about that attempt.
{{?reflection}}- Follow the reflection where it says what went wrong and how to do it right.
{{?solution}}- A correct solution is given: understand why it works, then give an answer that works for the same reasons.
- Reason step by step and check the answer before you give it.

<!-- teacher: task -->
<task>
{{task}}
</task>

<!-- teacher: playbook -->
<playbook>
{{playbook}}
</playbook>

<!-- teacher: attempt -->
<previous_attempt>
{{attempt}}
</previous_attempt>

<!-- teacher: feedback -->
<feedback>
{{feedback}}
</feedback>

<!-- teacher: reflection -->
<reflection>
{{reflection}}
</reflection>

<!-- teacher: solution -->
<correct_solution>
{{solution}}
</correct_solution>

<!-- teacher: answer -->
Now answer the task, in exactly the form that it asks for.
`;

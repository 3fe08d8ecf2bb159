"""What attempts to take a model over say, in the categories of OWASP's cheat sheet on prompt injection.

(cheatsheetseries.owasp.org, LLM_Prompt_Injection_Prevention.) Each has a name that the caller is told. The patterns ask
for the whole phrase, because the words alone are in every second question about programming.
"""

from __future__ import annotations

from dataclasses import dataclass

RULES = r"(?:instructions?|rules?|guidelines?|constraints?|directives?|prompts?|commands?|orders)"
EARLIER = r"(?:previous|prior|above|earlier|preceding|former|foregoing|original|initial|existing|system|old)"
ALL = r"(?:(?:all|any|every|each)\s+(?:of\s+)?)?(?:(?:the|your|my|these|those|its)\s+)?(?:other\s+)?"
QUALIFIER = r"(?:(?:safety|security|system|operational|internal|core|given|stated|provided|established)\s+)?"
DROP = r"(?:ignore|disregard|forget|skip|neglect|override|overrule|supersedes?|discard|abandon)"
YOUR = r"(?:(?:your?|the|its|this)\s+)"
HIDDEN = (
    r"(?:(?:full|hidden|complete|internal|secret|original|initial|entire|exact|actual|real|whole)\s+){0,2}"
)
SHIELDS = (
    r"(?:filters?|measures?|guidelines?|restrictions?|rules?|polic(?:y|ies)|protocols?|checks?|protections?)"
)
MODES = r"(?:developer|dev|admin|debug|maintenance|god|jailbreak|root|sudo|unrestricted|unfiltered|dan)"


@dataclass(frozen=True, slots=True)
class InjectionPattern:
    """What the caller is told, and what is searched for; `is_spoken`: words, which may be hidden in other spellings."""

    name: str
    pattern: str
    is_spoken: bool = True


def _say(name: str, pattern: str) -> InjectionPattern:
    return InjectionPattern(name, rf"(?i){pattern}")


def _mark(name: str, pattern: str) -> InjectionPattern:
    return InjectionPattern(name, pattern, is_spoken=False)


PATTERNS = (
    # Instruction override
    _say("ignore previous instructions", rf"\b{DROP}\s+{ALL}{EARLIER}\s+{QUALIFIER}{RULES}\b"),
    _say(
        "ignore your instructions",
        rf"\b(?:ignore|disregard|forget|discard)\s+(?:all\s+(?:of\s+)?)?your\s+{QUALIFIER}{RULES}\b",
    ),
    _say(
        "ignore all instructions",
        rf"\b(?:ignore|disregard|forget)\s+(?:all|any)\s+(?:of\s+)?(?:the\s+)?{RULES}\b",
    ),
    _say(
        "ignore everything above",
        r"\b(?:ignore|disregard|forget)\s+(?:everything|anything|all|what)\s+(?:(?:that\s+)?(?:i|you|we|they)\s+(?:said|were\s+told|have\s+been\s+told)|you\s+know\s+so\s+far|(?:written\s+)?above|that\s+came\s+before)",
    ),
    _say("new instructions", r"\b(?:new|updated|revised)\s+(?:system\s+)?instructions?:"),
    _say(
        "do not follow the system prompt",
        rf"\b(?:do\s+not|don't|never|stop)\s+(?:follow|obey|follow?ing|obeying)\s+{ALL}(?:system|developer|previous|original|prior)\b",
    ),
    _say(
        "previous instructions are void",
        rf"\b{EARLIER}\s+{RULES}\s+(?:are|is|were)\s+(?:now\s+)?(?:void|invalid|null|obsolete|cancell?ed|revoked|lifted|no\s+longer\s+(?:valid|apply|in\s+(?:force|effect)))\b",
    ),
    # Developer and admin mode
    _say(
        "you are now in developer mode",
        rf"\byou(?:'re|\s+are)\s+(?:now\s+)?(?:in|running\s+in|operating\s+in)\s+{MODES}\s+mode\b",
    ),
    _say("you are now developer mode", rf"\byou(?:'re|\s+are)\s+now\s+{MODES}\s+mode\b"),
    _say(
        "enter developer mode",
        rf"(?m:(?:^|[.!?:;>])\s*|\b(?:please|now|must|will)\s+)(?:enter|activate)\s+(?:the\s+)?{MODES}\s+mode\b",
    ),
    _say(
        "enable developer mode",
        rf"\b(?:enter|enable|activate|switch\s+(?:in)?to|unlock)\s+(?:the\s+)?{MODES}\s+mode\s*(?:,|and|to)\s+(?:then\s+)?(?:answer|bypass|respond|reply|ignore|reveal|tell|print|output|disregard)\b",
    ),
    # System override
    _say(
        "system override",
        r"\bsystem\s+override\b(?:\s*(?:[:!.,\-]|(?m:$)|activated|engaged|enabled|code|command|initiated|authori[sz]ed|mode))",
    ),
    _say(
        "override your instructions",
        rf"\boverrid(?:e|ing)\s+(?:all\s+(?:of\s+)?)?your\s+{QUALIFIER}(?:{RULES}|programming|training)\b",
    ),
    # Prompt extraction
    _say(
        "reveal your prompt",
        rf"\b(?:reveal|disclose|leak|expose|divulge|print|output|dump|show|display|give|tell|repeat|recite|send)\s+(?:(?:me|us|out)\s+)?{YOUR}{HIDDEN}(?:system|developer|hidden|initial|original|secret)\s+(?:prompt|instructions?|message|rules)\b",
    ),
    _say(
        "show me your prompt",
        rf"\b(?:reveal|disclose|leak|expose|show|display|print)\s+(?:(?:me|us)\s+)?your\s+{HIDDEN}(?:prompt|instructions)\b",
    ),
    _say(
        "what are your instructions",
        r"\bwhat\s+(?:are|were|is|was)\s+your\s+(?:(?:exact|original|initial|full|hidden|secret|first)\s+)?(?:system\s+(?:prompt|instructions?|message)|instructions)\b",
    ),
    _say(
        "repeat the text above",
        r"\brepeat\s+(?:back\s+)?(?:all\s+(?:of\s+)?)?(?:the\s+)?(?:text|words?|instructions?|content|everything|prompt)\s+(?:written\s+)?(?:above|before\s+this|verbatim\s+from)",
    ),
    # Role manipulation
    _say(
        "you are no longer bound",
        r"\byou(?:'re|\s+are)\s+no\s+longer\s+(?:bound|restricted|limited|constrained|required\s+to\s+follow)\b",
    ),
    _say(
        "act as if you are not bound",
        r"\bact\s+as\s+(?:if|though)\s+(?:you(?:'re|\s+are|\s+were)\s+)?not\s+(?:bound|restricted|limited)\b",
    ),
    _say(
        "act without restrictions",
        r"\b(?:act|behave|respond|answer|operate|roleplay)\s+(?:as\s+[^.\n]{0,40})?(?:without|with\s+no)\s+(?:any\s+)?(?:restrictions?|limitations?|filters?|ethical\s+guidelines|censorship|moral)",
    ),
    _say(
        "pretend to be a different assistant",
        r"\bpretend\s+(?:that\s+)?(?:(?:to\s+be|you(?:'re|\s+are))\s+)?(?:a\s+|an\s+)?(?:different|unrestricted|unfiltered|uncensored|evil)\s+(?:ai|assistant|model|chatbot|bot)\b",
    ),
    _say(
        "you are now without rules",
        r"\byou(?:'re|\s+are)\s+now\s+(?:an?\s+)?\w+[^\n]{0,40}?\b(?:without\s+(?:any\s+)?(?:restrict|rules|limits|filter)|bypass|unrestricted|unlimited|unfiltered|uncensored|obeys?\s+only|(?:has|have|with)?\s*no\s+(?:rules|limits|restrictions|boundaries|filter))",
    ),
    # DAN and its kin
    InjectionPattern(
        "do anything now",
        r"\bDAN\b[^\n]{0,200}?\b[Dd]o\s+[Aa]nything\s+[Nn]ow\b|\b[Dd]o\s+[Aa]nything\s+[Nn]ow\b[^\n]{0,40}?\bDAN\b",
    ),
    _say(
        "you can do anything now",
        r"\byou\s+(?:can|will|are\s+going\s+to|must)\s+(?:now\s+)?do\s+anything\s+now\b",
    ),
    _say(
        "jailbreak prompt",
        r"\bjailbr(?:eak|oken)(?:ed)?\s+(?:mode\s+(?:on|enabled|activated|engaged)|prompt:)",
    ),
    # Safety bypass
    _say(
        "bypass your safety filters",
        rf"\b(?:bypass|circumvent|evade|disable|deactivate|turn\s+off|switch\s+off|remove|ignore|disregard)\s+(?:all\s+(?:of\s+)?)?your\s+(?:own\s+)?(?:safety|security|content|ethical|moral|moderation|built-in)\s+(?:and\s+\w+\s+)?{SHIELDS}\b",
    ),
    _say(
        "ignore safety rules",
        r"\b(?:ignore|disregard|bypass|circumvent)\s+(?:all\s+)?(?:safety|ethical|content|moderation|security)\s+(?:guidelines?|filters?|restrictions?|polic(?:y|ies)|protocols?|measures?|rules?)\b",
    ),
    # Delimiters, roles and templates of chats
    _mark("system tag", r"(?i)<\s*/?\s*(?:system|assistant|developer)\s*/?>|<<\s*/?\s*SYS\s*>>"),
    _mark(
        "role in brackets",
        r"(?i)(?m:^)\s*\[\s*(?:system|assistant|internal)\s*\]|\[\s*(?:system|assistant|internal)\s*\]\s*:|\[\s*system\s+message\s*\]|\]\s*\n\s*\[?(?:system|assistant|user)\]?:",
    ),
    _mark(
        "role at the start of a line",
        r"(?im)^\s*(?:#{2,}\s*)?(?:system|system\s+(?:prompt|message))\s*:\s*(?:you|ignore|new|from\s+now|override|the\s+(?:user|assistant|model)|disregard|always|never|do\s+not)\b",
    ),
    _mark(
        "control token",
        r"<\|(?:im_start|im_end|im_sep|eot_id|start_header_id|end_header_id|endoftext|begin_of_text|end_of_text|system|user|assistant|endofprompt)\|>|<[|｜](?:end|begin)▁of▁sentence[|｜]>|<(?:start|end)_of_turn>",
    ),
    _mark("instruction token", r"\[/?INST\]"),
)

WORDS = (
    "ignore", "bypass", "override", "reveal", "delete", "system", "prompt", "instructions", "instruction",
    "disregard", "forget", "previous", "guidelines", "restrictions", "developer", "safety", "filters", "jailbreak",
)  # fmt: skip
"""Words that are looked for with their inner letters scrambled."""

VERBS = frozenset({"ignore", "bypass", "override", "reveal"})
NOUNS = frozenset({"system", "prompt", "instructions", "previous"})
"""In what was encoded one of the verbs is enough, or two of the nouns."""

//! The parser: words, expansions and assignments.

use smol_str::SmolStr;

use super::ast::{
    Arithmetic, ArrayElement, Assignment, Literal, Parameter, ParameterOperation, SubstitutionForm,
    TextRange, Word, WordPart,
};
use super::error::{Parsed, Pos, SyntaxError};
use super::lex::{END, HIDDEN_NEWLINE, Mode, is_name, is_number};
use super::parse::Parser;
use super::token::{Token, quoted};

/// A parsed text that is not a script: its word or words, and the here-documents inside.
type Words = Vec<Word>;

/// Parses a text as the body of a here-document: expansions, but no quotes.
///
/// # Errors
/// The first syntax error.
pub fn parse_document(text: &str) -> Result<Option<Word>, SyntaxError> {
    let mut parser = Parser::new(text);
    parser.mode = Mode::Document;
    parser.whole_document = true;
    parser.delimiters.push(None);
    let parsed = parser.next().and_then(|()| parser.word());
    parsed.map_err(|error| *error)
}

/// Parses a text as words, which newlines may part also.
///
/// # Errors
/// The first syntax error; an operator such as `;` is one.
pub fn parse_words(text: &str) -> Result<Words, SyntaxError> {
    let mut parser = Parser::new(text);
    parser.words().map_err(|error| *error)
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'@' | b'*' | b'#' | b'$' | b'?' | b'!' | b'-') || byte.is_ascii_digit()
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl Parser<'_> {
    fn words(&mut self) -> Parsed<Words> {
        let mut words = Vec::new();
        self.next()?;
        loop {
            self.got(Token::Newline)?;
            match self.word()? {
                Some(word) => words.push(word),
                None if self.token == Token::End => return Ok(words),
                None => return self.fail_here(format!("{} is not a valid word", self.token.quoted())),
            }
        }
    }

    /// Reads a word; `None` where there is none.
    pub(super) fn word(&mut self) -> Parsed<Option<Word>> {
        let parts = self.parts()?;
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return Ok(None) };
        Ok(Some(Word { range: first.range().to(last.range()), parts }))
    }

    fn parts(&mut self) -> Parsed<Vec<WordPart>> {
        let plain = self.mode == Mode::Plain;
        if plain {
            self.mode = Mode::WordRest;
        }
        let mut parts = Vec::new();
        while let Some(part) = self.part()? {
            parts.push(part);
            if self.spaced {
                break;
            }
        }
        if plain {
            self.mode = Mode::Plain;
        }
        Ok(parts)
    }

    fn part(&mut self) -> Parsed<Option<WordPart>> {
        self.enter()?;
        let part = self.part_of_token()?;
        self.leave();
        Ok(part)
    }

    fn part_of_token(&mut self) -> Parsed<Option<WordPart>> {
        let start = self.position;
        let part = match self.token {
            Token::Literal | Token::LiteralWord | Token::LiteralRedirect => {
                WordPart::Literal(self.take_literal()?)
            }
            Token::DollarBrace => {
                self.allow_expansion(start)?;
                match self.byte {
                    b'|' | b' ' | b'\t' | b'\n' => self.brace_substitution()?,
                    _ => match self.parameter()? {
                        Some(parameter) => parameter,
                        None => return Ok(None),
                    },
                }
            }
            Token::DollarDoubleParen | Token::DollarBracket => self.arithmetic_expansion()?,
            Token::DollarParen => {
                self.allow_expansion(start)?;
                let outer = self.nest(Mode::Parens);
                self.next()?;
                let statements = self.statements(&[])?;
                self.unnest(outer);
                let range = TextRange { start: start.offset, end: self.at as u32 };
                self.matched(start, Token::DollarParen, Token::RightParen)?;
                WordPart::CommandSubstitution { range, form: SubstitutionForm::Paren, statements }
            }
            Token::Dollar => {
                if let Some(parameter) = self.parameter()? {
                    self.allow_expansion(start)?;
                    parameter
                } else {
                    let range = TextRange { start: start.offset, end: start.offset + 1 };
                    self.next()?;
                    WordPart::Literal(Literal { range, text: SmolStr::new_static("$") })
                }
            }
            Token::AssignParen => return self.fail_language(start, 2, "`=(` process substitutions", "zsh"),
            Token::LessParen | Token::GreaterParen => {
                self.allow_expansion(start)?;
                let token = self.token;
                let outer = self.nest(Mode::Parens);
                self.next()?;
                let statements = self.statements(&[])?;
                self.unnest(outer);
                let range = TextRange { start: start.offset, end: self.at as u32 };
                self.matched(start, token, Token::RightParen)?;
                WordPart::ProcessSubstitution { range, output: token == Token::GreaterParen, statements }
            }
            Token::SingleQuote | Token::DollarSingleQuote => self.single_quoted()?,
            Token::DoubleQuote | Token::DollarDoubleQuote => {
                if self.mode == Mode::DoubleQuotes {
                    return Ok(None);
                }
                self.double_quoted()?
            }
            Token::Backquote => {
                if self.backquote_closes() {
                    return Ok(None);
                }
                self.backquoted()?
            }
            Token::GlobQuestion
            | Token::GlobStar
            | Token::GlobPlus
            | Token::GlobAt
            | Token::GlobExclamation => self.extended_glob()?,
            _ => return Ok(None),
        };
        Ok(Some(part))
    }

    fn allow_expansion(&self, at: Pos) -> Parsed<()> {
        if self.plain_words_only {
            return self.fail(at, 1, "expansions not allowed in heredoc words");
        }
        Ok(())
    }

    fn brace_substitution(&mut self) -> Parsed<WordPart> {
        let start = self.position;
        let form = if self.byte == b'|' { SubstitutionForm::BraceReply } else { SubstitutionForm::Brace };
        let outer = self.nest(Mode::Braces);
        self.advance();
        self.next()?;
        let statements = self.statements(&["}"])?;
        self.unnest(outer);
        let range = TextRange { start: start.offset, end: self.at as u32 };
        if !self.got_word("}")? {
            return self.fail_match(start, Token::DollarBrace, Token::RightBrace);
        }
        Ok(WordPart::CommandSubstitution { range, form, statements })
    }

    fn arithmetic_expansion(&mut self) -> Parsed<WordPart> {
        let start = self.position;
        self.allow_expansion(start)?;
        let left = self.token;
        let outer = self.nest(Mode::Arithmetic);
        self.next()?;
        if self.got(Token::Hash)? {
            return self.fail_language(start, left.text().len(), "unsigned expressions", "mksh");
        }
        let expression = Box::new(self.follow_arithmetic(left, start)?);
        if left == Token::DollarBracket {
            if self.token != Token::RightBracket {
                return self.fail_arithmetic_match(start, left, Token::RightBracket);
            }
            self.unnest(outer);
            let range = TextRange { start: start.offset, end: self.at as u32 };
            self.next()?;
            return Ok(WordPart::Arithmetic { range, bracket: true, expression });
        }
        let end = self.arithmetic_end(left, start, outer)?;
        Ok(WordPart::Arithmetic { range: TextRange { start: start.offset, end }, bracket: false, expression })
    }

    fn single_quoted(&mut self) -> Parsed<WordPart> {
        let start = self.position;
        let dollar = self.token == Token::DollarSingleQuote;
        self.begin_literal();
        loop {
            match self.byte {
                b'\\' if dollar => {
                    self.advance();
                }
                b'\'' => {
                    self.end_literal();
                    let text = SmolStr::new(self.literal_text());
                    self.advance();
                    let range = TextRange { start: start.offset, end: self.at as u32 };
                    self.next()?;
                    return Ok(WordPart::SingleQuoted { range, dollar, text });
                }
                HIDDEN_NEWLINE => self.literal.extend_from_slice(b"\\\n"),
                END => {
                    self.token = Token::End;
                    return self.fail_quote(start, Token::SingleQuote);
                }
                _ => {}
            }
            self.advance();
        }
    }

    fn double_quoted(&mut self) -> Parsed<WordPart> {
        let start = self.position;
        let dollar = self.token == Token::DollarDoubleQuote;
        let outer = self.mode;
        self.mode = Mode::DoubleQuotes;
        self.next()?;
        let parts = self.parts()?;
        self.mode = outer;
        let range = TextRange { start: start.offset, end: self.at as u32 };
        if !self.got(Token::DoubleQuote)? {
            return self.fail_quote(start, Token::DoubleQuote);
        }
        Ok(WordPart::DoubleQuoted { range, dollar, parts })
    }

    fn backquoted(&mut self) -> Parsed<WordPart> {
        let start = self.position;
        self.allow_expansion(start)?;
        let outer = self.nest(Mode::Backquotes);
        let in_quotes = usize::from(outer.mode == Mode::DoubleQuotes);
        self.open_backquotes += 1;
        self.open_quoted_backquotes += in_quotes;
        self.advance();
        self.next()?;
        let statements = self.statements(&[])?;
        if self.token == Token::Backquote && self.backquote_escapes + 1 < self.open_backquotes {
            // The backquote closes an outer substitution before this one.
            self.token = Token::End;
            return self.fail_quote(start, Token::Backquote);
        }
        self.unnest(outer);
        self.open_backquotes -= 1;
        self.open_quoted_backquotes -= in_quotes;
        self.advance();
        let range = TextRange { start: start.offset, end: self.at as u32 };
        if !self.got(Token::Backquote)? {
            return self.fail_quote(start, Token::Backquote);
        }
        Ok(WordPart::CommandSubstitution { range, form: SubstitutionForm::Backquote, statements })
    }

    fn extended_glob(&mut self) -> Parsed<WordPart> {
        let start = self.position;
        let token = self.token;
        let mut parens = 1;
        self.begin_literal();
        loop {
            match self.byte {
                END => break,
                b'(' => parens += 1,
                b')' => {
                    parens -= 1;
                    if parens == 0 {
                        break;
                    }
                }
                _ => {}
            }
            self.advance();
        }
        self.end_literal();
        let pattern = SmolStr::new(self.literal_text());
        self.advance();
        let range = TextRange { start: start.offset, end: self.at as u32 };
        self.next()?;
        if parens != 0 {
            return self.fail_match(start, token, Token::RightParen);
        }
        let operator = token.text().chars().next().unwrap_or('@');
        Ok(WordPart::ExtendedGlob { range, operator, pattern })
    }

    // Parameters.

    /// Reads `$name` or `${…}`; `None` where a dollar stands for itself.
    fn parameter(&mut self) -> Parsed<Option<WordPart>> {
        let outer = self.mode;
        self.mode = Mode::Bytes;
        let start = self.position;
        let mut parameter = Parameter { short: self.token == Token::Dollar, ..Parameter::default() };
        if !parameter.short {
            if self.byte == b'(' {
                return self.fail_language(start, 2, "parameter expansion flags", "zsh");
            }
            self.parameter_prefix(start, &mut parameter)?;
        }
        if !self.parameter_name(start, &mut parameter)? {
            self.mode = outer;
            return Ok(None);
        }
        if parameter.short {
            self.mode = outer;
            parameter.range = TextRange { start: start.offset, end: self.at as u32 };
            self.next()?;
            return Ok(Some(WordPart::Parameter(Box::new(parameter))));
        }
        if self.byte == b'[' {
            if !is_name(&parameter.name.text) {
                return self.fail(self.here(), 1, "cannot index a special parameter name");
            }
            self.position = self.here();
            self.advance();
            parameter.index = Some(self.index()?);
        }
        self.parameter_operation(start, &mut parameter, outer)?;
        Ok(Some(WordPart::Parameter(Box::new(parameter))))
    }

    fn parameter_prefix(&mut self, start: Pos, parameter: &mut Parameter) -> Parsed<()> {
        let prefix = self.byte;
        if !matches!(prefix, b'#' | b'%' | b'!' | b'+') {
            return Ok(());
        }
        let named = self.peek().is_none_or(|b| is_special(b) || is_name_byte(b) || b == b'"');
        if !named {
            return Ok(());
        }
        self.advance();
        match prefix {
            b'#' => parameter.length = true,
            b'!' => parameter.indirect = true,
            b'%' => return self.fail_language(start, 3, "`${%foo}`", "mksh"),
            _ => return self.fail_language(start, 3, "`${+foo}`", "zsh"),
        }
        Ok(())
    }

    /// Reads the name; false where a short expansion has none.
    fn parameter_name(&mut self, start: Pos, parameter: &mut Parameter) -> Parsed<bool> {
        if !parameter.short {
            self.refuse_nested_parameter(start)?;
        }
        let at = self.here();
        let name = match self.byte {
            // `${#-word}`: the parameter `#` with a default.
            b'?' | b'-' if parameter.length && self.peek() != Some(b'}') => {
                parameter.length = false;
                let range = TextRange { start: at.offset.saturating_sub(1), end: at.offset };
                parameter.name = Literal { range, text: SmolStr::new_static("#") };
                return Ok(true);
            }
            b'?' | b'-' | b'@' | b'*' | b'#' | b'!' | b'$' => {
                let name = char::from(self.byte).to_string();
                self.advance();
                name
            }
            byte if parameter.short && is_special(byte) => {
                self.advance();
                self.value = char::from(byte).to_string();
                self.value.clone()
            }
            _ => {
                self.begin_literal();
                while is_name_byte(self.byte) || self.byte == HIDDEN_NEWLINE {
                    self.advance();
                }
                self.end_literal();
                self.value = self.literal_text();
                if !is_number(&self.value) && !is_name(&self.value) {
                    if parameter.short {
                        return Ok(false);
                    }
                    return self.fail(at, self.value.len().max(1), "invalid parameter name");
                }
                self.value.clone()
            }
        };
        parameter.name =
            Literal { range: TextRange { start: at.offset, end: self.at as u32 }, text: SmolStr::new(name) };
        Ok(true)
    }

    fn refuse_nested_parameter(&mut self, start: Pos) -> Parsed<()> {
        let in_quotes = self.byte == b'"';
        if in_quotes {
            self.advance();
        }
        if self.byte == b'$' {
            if matches!(self.peek(), Some(b'{' | b'(')) {
                return self.fail_language(self.here(), 2, "nested parameter expansions", "zsh");
            }
        } else if in_quotes {
            return self.fail(start, 2, "invalid nested parameter expansion");
        }
        Ok(())
    }

    fn parameter_operation(&mut self, start: Pos, parameter: &mut Parameter, outer: Mode) -> Parsed<()> {
        let byte = self.byte;
        self.position = self.here();
        self.token = self.parameter_operator(byte);
        if self.token == Token::RightBrace {
            self.mode = outer;
            parameter.range = TextRange { start: start.offset, end: self.at as u32 };
            return self.next();
        }
        if self.token != Token::End && parameter.length {
            return self.fail_here("cannot combine multiple parameter expansion operators");
        }
        match self.token {
            Token::Slash | Token::DoubleSlash => {
                let all = self.token == Token::DoubleSlash;
                self.mode = Mode::ParameterPattern;
                self.next()?;
                let pattern = self.word()?;
                self.mode = Mode::ParameterWord;
                let replacement = if self.got(Token::Slash)? { self.word()? } else { None };
                parameter.operation = Some(ParameterOperation::Replace { all, pattern, replacement });
            }
            Token::Colon => return self.slice(start, parameter, outer),
            Token::Star if !parameter.indirect => {
                return self.fail_here("not a valid parameter expansion operator: `*`");
            }
            Token::At | Token::Star if parameter.indirect && self.byte == b'}' => {
                parameter.operation = Some(ParameterOperation::Names(self.token == Token::At));
                self.next()?;
            }
            Token::Caret
            | Token::DoubleCaret
            | Token::Comma
            | Token::DoubleComma
            | Token::At
            | Token::Star
            | Token::Plus
            | Token::ColonPlus
            | Token::Minus
            | Token::ColonMinus
            | Token::Question
            | Token::ColonQuestion
            | Token::Assign
            | Token::ColonAssign
            | Token::Percent
            | Token::DoublePercent
            | Token::Hash
            | Token::DoubleHash
            | Token::ColonHash
            | Token::ColonPipe
            | Token::ColonStar => parameter.operation = Some(self.operator_and_word()?),
            Token::End => {}
            _ if is_name_byte(byte) => {
                return self
                    .fail_here(format!("{} cannot be followed by a word", quoted(&parameter.name.text)));
            }
            _ => {
                let rest = self.source.get(self.position.offset as usize..).unwrap_or_default();
                let shown = match rest.chars().next() {
                    Some(first) if byte != HIDDEN_NEWLINE => first.to_string(),
                    _ => char::REPLACEMENT_CHARACTER.to_string(),
                };
                return self
                    .fail_here(format!("not a valid parameter expansion operator: {}", quoted(&shown)));
            }
        }
        if !matches!(self.token, Token::End | Token::RightBrace) {
            self.token = self.parameter_operator(self.byte);
        }
        self.mode = outer;
        parameter.range = TextRange { start: start.offset, end: self.at as u32 };
        self.matched(start, Token::DollarBrace, Token::RightBrace)
    }

    fn slice(&mut self, start: Pos, parameter: &mut Parameter, outer: Mode) -> Parsed<()> {
        let mut colon = self.position;
        self.mode = Mode::ParameterArithmetic;
        self.next()?;
        let offset = if self.token == Token::Colon {
            None
        } else {
            Some(self.follow_arithmetic(Token::Colon, colon)?)
        };
        colon = self.position;
        let length =
            if self.got(Token::Colon)? { Some(self.follow_arithmetic(Token::Colon, colon)?) } else { None };
        parameter.operation = Some(ParameterOperation::Slice(offset, length));
        self.mode = outer;
        parameter.range = TextRange { start: start.offset, end: self.at as u32 };
        self.matched_arithmetic(start, Token::DollarBrace, Token::RightBrace)
    }

    fn operator_and_word(&mut self) -> Parsed<ParameterOperation> {
        let token = self.token;
        if matches!(token, Token::ColonHash | Token::ColonPipe | Token::ColonStar) {
            let feature = format!("${{name{}arg}}", token.text());
            return self.fail_language(self.position, 2, &feature, "zsh");
        }
        self.mode = Mode::ParameterWord;
        self.next()?;
        if token == Token::At {
            if !self.token.is_literal() {
                return self.fail_here("@ expansion operator requires a literal");
            }
            match self.value.as_str() {
                "a" | "k" | "u" | "A" | "E" | "K" | "L" | "P" | "U" | "Q" => {}
                "#" => return self.fail_language(self.position, 1, "this expansion operator", "mksh"),
                other => return self.fail_here(format!("invalid @ expansion operator {}", quoted(other))),
            }
        }
        Ok(ParameterOperation::Word(token.text(), self.word()?))
    }

    /// Reads the rest of `[index]`.
    pub(super) fn index(&mut self) -> Parsed<Arithmetic> {
        let outer = self.mode;
        let start = self.position;
        self.mode = Mode::ParameterArithmetic;
        self.next()?;
        if matches!(self.token, Token::Star | Token::At) {
            self.token.text().clone_into(&mut self.value);
            self.token = Token::LiteralWord;
        }
        let index = self.follow_arithmetic(Token::LeftBracket, start)?;
        self.mode = outer;
        self.matched_arithmetic(start, Token::LeftBracket, Token::RightBracket)?;
        Ok(index)
    }

    // Assignments.

    /// Whether the literal token begins an assignment.
    pub(super) fn at_assignment(&self) -> bool {
        if !self.token.is_literal() {
            return false;
        }
        match self.equals {
            Some(end) if end > 0 => {
                let name = self.value.get(..end).unwrap_or_default();
                is_name(name.strip_suffix('+').unwrap_or(name)) || self.byte == b'['
            }
            _ => is_name(&self.value) && self.byte == b'[',
        }
    }

    pub(super) fn assignment(&mut self, needs_equals: bool) -> Parsed<Assignment> {
        let start = self.position;
        let mut assignment = Assignment::default();
        match self.equals {
            Some(equals) if equals > 0 => {
                let (name, value) = self.value.split_at_checked(equals).unwrap_or((&self.value, "="));
                let bare_name = name.strip_suffix('+').unwrap_or(name);
                assignment.append = bare_name.len() < name.len();
                assignment.name = Some(Literal {
                    range: TextRange { start: start.offset, end: start.plus(bare_name.len()).offset },
                    text: SmolStr::new(bare_name),
                });
                let value = value.get(1..).unwrap_or_default();
                if !value.is_empty() {
                    let range = TextRange { start: start.plus(equals + 1).offset, end: self.at as u32 };
                    let literal = WordPart::Literal(Literal { range, text: SmolStr::new(value) });
                    assignment.value = Some(Word { range, parts: vec![literal] });
                }
                self.next()?;
            }
            _ => {
                assignment.name =
                    Some(Literal { range: self.token_range(), text: SmolStr::new(&self.value) });
                self.advance();
                self.position = self.position.plus(1);
                assignment.index = Some(self.index()?);
                if self.spaced || self.stops() {
                    if needs_equals {
                        return self.fail_bad_element(start, "a[b]");
                    }
                    assignment.bare = true;
                    assignment.range = self.range_from(start);
                    return Ok(assignment);
                }
                if self.token == Token::AssignParen {
                    return self.fail_here("arrays cannot be nested");
                }
                self.element_equals(start, &mut assignment)?;
            }
        }
        if !self.spaced && !self.stops() {
            self.assigned_value(&mut assignment)?;
        }
        assignment.range = self.range_from(start);
        Ok(assignment)
    }

    fn fail_bad_element<T>(&self, start: Pos, left: &str) -> Parsed<T> {
        let width = (self.previous_end.saturating_sub(start.offset)) as usize;
        self.fail(start, width, format!("{} must be followed by `=`", quoted(left)))
    }

    /// Consumes the `=` or `+=` behind `name[index]`.
    fn element_equals(&mut self, start: Pos, assignment: &mut Assignment) -> Parsed<()> {
        let mut skipped = 0;
        if self.value.starts_with('+') {
            assignment.append = true;
            skipped = 1;
        }
        if self.value.as_bytes().get(skipped) != Some(&b'=') {
            return self.fail_bad_element(start, if assignment.append { "a[b]+" } else { "a[b]" });
        }
        self.value.drain(..=skipped);
        self.position = self.position.plus(skipped + 1);
        if self.value.is_empty() {
            self.next()?;
        }
        Ok(())
    }

    fn assigned_value(&mut self, assignment: &mut Assignment) -> Parsed<()> {
        if assignment.value.is_none() && self.token == Token::LeftParen {
            assignment.array = Some(self.array()?);
        } else if let Some(word) = self.word()? {
            match &mut assignment.value {
                Some(value) => {
                    value.range = value.range.to(word.range);
                    value.parts.extend(word.parts);
                }
                None => assignment.value = Some(word),
            }
        }
        Ok(())
    }

    fn array(&mut self) -> Parsed<Vec<ArrayElement>> {
        let start = self.position;
        let outer = self.nest(Mode::ArrayElements);
        self.next()?;
        self.got(Token::Newline)?;
        let mut elements = Vec::new();
        while !matches!(self.token, Token::End | Token::RightParen) {
            let mut index = None;
            if self.token == Token::LeftBracket {
                let left = self.position;
                index = Some(self.index()?);
                if self.token == Token::AssignParen {
                    return self.fail_here("arrays cannot be nested");
                }
                self.follow(left, "[x]", Token::Assign)?;
            }
            let value = self.word()?;
            if value.is_none()
                && !matches!(self.token, Token::Newline | Token::RightParen | Token::LeftBracket)
            {
                return self.fail_here("array element values must be words");
            }
            elements.push(ArrayElement { index, value });
            self.got(Token::Newline)?;
        }
        self.unnest(outer);
        self.matched(start, Token::LeftParen, Token::RightParen)?;
        Ok(elements)
    }
}

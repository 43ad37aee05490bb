"""The words that every form needs, in the languages that forms speak.

An author writes the words of a form: one text, or one for each language. What every form says
besides (buttons, faults of answers, pages and mails of double opt-in) is here.
"""

from collections.abc import Mapping

LANGUAGES = ("en", "de", "fr", "es")
Text = str | dict[str, str]
"""A text in the form's language, or one for each language."""

WORDS: dict[str, dict[str, str]] = {
    "next": {"en": "Continue", "de": "Weiter", "fr": "Continuer", "es": "Continuar"},
    "back": {"en": "Back", "de": "Zurück", "fr": "Retour", "es": "Atrás"},
    "send": {"en": "Send", "de": "Absenden", "fr": "Envoyer", "es": "Enviar"},
    "yes": {"en": "Yes", "de": "Ja", "fr": "Oui", "es": "Sí"},
    "no": {"en": "No", "de": "Nein", "fr": "Non", "es": "No"},
    "choose": {
        "en": "Please choose",
        "de": "Bitte wählen",
        "fr": "Veuillez choisir",
        "es": "Elija una opción",
    },
    "optional": {"en": "optional", "de": "freiwillig", "fr": "facultatif", "es": "opcional"},
    "step": {
        "en": "Step {step} of {steps}",
        "de": "Schritt {step} von {steps}",
        "fr": "Étape {step} sur {steps}",
        "es": "Paso {step} de {steps}",
    },
    "faults_title": {
        "en": "Please look at this again",
        "de": "Bitte sehen Sie sich das noch einmal an",
        "fr": "Veuillez vérifier ceci",
        "es": "Revise lo siguiente",
    },
    "close": {"en": "Close", "de": "Schließen", "fr": "Fermer", "es": "Cerrar"},
    "leave_empty": {
        "en": "Please leave this empty",
        "de": "Bitte frei lassen",
        "fr": "Laissez ce champ vide",
        "es": "Deje este campo vacío",
    },
    "thanks_title": {"en": "Thank you", "de": "Vielen Dank", "fr": "Merci", "es": "Gracias"},
    "thanks_text": {
        "en": "We have received your answers.",
        "de": "Ihre Angaben sind bei uns angekommen.",
        "fr": "Nous avons bien reçu vos réponses.",
        "es": "Hemos recibido sus respuestas.",
    },
    "check_mail": {
        "en": "If you asked for mails from us, you will get one in which you can confirm that.",
        "de": "Wenn Sie Mails von uns bestellt haben, bekommen Sie eine zum Bestätigen.",
        "fr": "Si vous avez demandé nos e-mails, vous en recevrez un pour confirmer.",
        "es": "Si ha pedido nuestros correos, recibirá uno para confirmarlo.",
    },
    "go_on": {"en": "Continue", "de": "Weiter", "fr": "Continuer", "es": "Continuar"},
    "too_old": {
        "en": "This page was open for a long time. Please send it once more.",
        "de": "Diese Seite war lange offen. Bitte senden Sie sie noch einmal ab.",
        "fr": "Cette page est restée ouverte longtemps. Veuillez l’envoyer de nouveau.",
        "es": "Esta página estuvo abierta mucho tiempo. Envíela de nuevo, por favor.",
    },
    "not_now": {
        "en": "This cannot be kept right now. Nothing was lost: please send it again in a moment.",
        "de": "Das lässt sich gerade nicht speichern. Bitte senden Sie es gleich noch einmal ab.",
        "fr": "Impossible d’enregistrer pour l’instant. Veuillez renvoyer dans un moment.",
        "es": "No se puede guardar ahora. Envíelo de nuevo en un momento, por favor.",
    },
    "required": {
        "en": "Please answer this.",
        "de": "Bitte ausfüllen.",
        "fr": "Veuillez répondre.",
        "es": "Responda a esta pregunta.",
    },
    "tick": {
        "en": "Please tick this box.",
        "de": "Bitte ankreuzen.",
        "fr": "Veuillez cocher cette case.",
        "es": "Marque esta casilla.",
    },
    "email": {
        "en": "This is no e-mail address. One looks like name@example.com.",
        "de": "Das ist keine E-Mail-Adresse. Eine sieht aus wie name@example.com.",
        "fr": "Ce n’est pas une adresse e-mail. Exemple : nom@example.com.",
        "es": "No es una dirección de correo. Ejemplo: nombre@example.com.",
    },
    "phone": {
        "en": "This is no phone number. With the country it looks like {example}.",
        "de": "Das ist keine Telefonnummer. Mit Land sieht eine so aus: {example}.",
        "fr": "Ce n’est pas un numéro de téléphone. Avec l’indicatif : {example}.",
        "es": "No es un número de teléfono. Con el prefijo: {example}.",
    },
    "postcode": {
        "en": "This is no postcode of that country. One looks like {example}.",
        "de": "Das ist keine Postleitzahl dieses Landes. Eine sieht aus wie {example}.",
        "fr": "Ce n’est pas un code postal de ce pays. Exemple : {example}.",
        "es": "No es un código postal de ese país. Ejemplo: {example}.",
    },
    "number": {
        "en": "Please write a number.",
        "de": "Bitte eine Zahl schreiben.",
        "fr": "Veuillez écrire un nombre.",
        "es": "Escriba un número.",
    },
    "date": {
        "en": "Please write a date as year-month-day, such as 2026-03-31.",
        "de": "Bitte ein Datum als Jahr-Monat-Tag schreiben, etwa 2026-03-31.",
        "fr": "Veuillez écrire une date comme 2026-03-31.",
        "es": "Escriba una fecha como 2026-03-31.",
    },
    "at_least": {
        "en": "At least {limit}, please.",
        "de": "Bitte mindestens {limit}.",
        "fr": "Au moins {limit}, s’il vous plaît.",
        "es": "Como mínimo {limit}, por favor.",
    },
    "at_most": {
        "en": "At most {limit}, please.",
        "de": "Bitte höchstens {limit}.",
        "fr": "Au plus {limit}, s’il vous plaît.",
        "es": "Como máximo {limit}, por favor.",
    },
    "too_short": {
        "en": "At least {limit} characters, please.",
        "de": "Bitte mindestens {limit} Zeichen.",
        "fr": "Au moins {limit} caractères, s’il vous plaît.",
        "es": "Al menos {limit} caracteres, por favor.",
    },
    "too_long": {
        "en": "At most {limit} characters, please.",
        "de": "Bitte höchstens {limit} Zeichen.",
        "fr": "Au plus {limit} caractères, s’il vous plaît.",
        "es": "Como máximo {limit} caracteres, por favor.",
    },
    "pattern": {
        "en": "This is not written as it should be.",
        "de": "Das ist nicht so geschrieben, wie es sein soll.",
        "fr": "Le format n’est pas celui attendu.",
        "es": "No está escrito como debería.",
    },
    "choice": {
        "en": "Please choose one of the answers.",
        "de": "Bitte eine der Antworten wählen.",
        "fr": "Veuillez choisir une des réponses.",
        "es": "Elija una de las respuestas.",
    },
    "confirm_subject": {
        "en": "Please confirm your address",
        "de": "Bitte bestätigen Sie Ihre Adresse",
        "fr": "Confirmez votre adresse",
        "es": "Confirme su dirección",
    },
    "confirm_text": {
        "en": "Somebody entered this address at {sender} to get mails. If it was you, confirm it "
        "with the button. If not, do nothing: you will get no further mail because of it.",
        "de": "Jemand hat diese Adresse bei {sender} eingetragen, um Mails zu bekommen. Waren Sie "
        "das, bestätigen Sie es mit dem Knopf. Wenn nicht, tun Sie nichts: Dann bekommen Sie "
        "deswegen keine weitere Mail.",
        "fr": "Quelqu’un a saisi cette adresse chez {sender} pour recevoir des e-mails. Si c’était "
        "vous, confirmez avec le bouton. Sinon, ne faites rien : vous ne recevrez rien d’autre.",
        "es": "Alguien introdujo esta dirección en {sender} para recibir correos. Si fue usted, "
        "confírmelo con el botón. Si no, no haga nada: no recibirá más correos por ello.",
    },
    "confirm_button": {
        "en": "Confirm",
        "de": "Bestätigen",
        "fr": "Confirmer",
        "es": "Confirmar",
    },
    "confirm_question": {
        "en": "Is this your address, and do you want mails from {sender}?",
        "de": "Ist das Ihre Adresse, und möchten Sie Mails von {sender}?",
        "fr": "Est-ce votre adresse, et voulez-vous recevoir les e-mails de {sender} ?",
        "es": "¿Es su dirección y quiere recibir correos de {sender}?",
    },
    "confirmed_title": {
        "en": "Confirmed",
        "de": "Bestätigt",
        "fr": "Confirmé",
        "es": "Confirmado",
    },
    "confirmed_text": {
        "en": "Thank you. You can change your mind at any time: every mail has a link for that.",
        "de": "Vielen Dank. Sie können es sich jederzeit anders überlegen: Jede Mail hat dafür "
        "einen Link.",
        "fr": "Merci. Vous pouvez changer d’avis à tout moment : chaque e-mail contient un lien.",
        "es": "Gracias. Puede cambiar de opinión cuando quiera: cada correo lleva un enlace.",
    },
    "expired_title": {
        "en": "This link is too old",
        "de": "Dieser Link ist zu alt",
        "fr": "Ce lien est trop ancien",
        "es": "Este enlace es demasiado antiguo",
    },
    "expired_text": {
        "en": "Please fill in the form once more; you will get a new mail.",
        "de": "Bitte füllen Sie das Formular noch einmal aus; Sie bekommen eine neue Mail.",
        "fr": "Veuillez remplir le formulaire à nouveau ; vous recevrez un nouvel e-mail.",
        "es": "Rellene el formulario otra vez; recibirá un correo nuevo.",
    },
    "invalid_title": {
        "en": "This link does not work",
        "de": "Dieser Link funktioniert nicht",
        "fr": "Ce lien ne fonctionne pas",
        "es": "Este enlace no funciona",
    },
    "invalid_text": {
        "en": "It may have been cut off. Use the link as it stands in the mail.",
        "de": "Vielleicht ist er abgeschnitten. Nehmen Sie ihn so, wie er in der Mail steht.",
        "fr": "Il a peut-être été coupé. Utilisez-le tel qu’il figure dans l’e-mail.",
        "es": "Puede que esté cortado. Úselo tal como aparece en el correo.",
    },
    "form_gone": {
        "en": "There is no such form.",
        "de": "Dieses Formular gibt es nicht.",
        "fr": "Ce formulaire n’existe pas.",
        "es": "Ese formulario no existe.",
    },
    "too_many": {
        "en": "Too much came from your network. Please try again in a few minutes.",
        "de": "Aus Ihrem Netz kam zu viel. Bitte versuchen Sie es in ein paar Minuten wieder.",
        "fr": "Trop d’envois depuis votre réseau. Réessayez dans quelques minutes.",
        "es": "Llegó demasiado desde su red. Inténtelo de nuevo en unos minutos.",
    },
}
"""By name and language; words in braces are filled in."""


def word(name: str, language: str, **filled: object) -> str:
    """One of the words that every form needs.

    >>> word("step", "de", step=1, steps=3)
    'Schritt 1 von 3'
    """
    return WORDS[name][language].format(**filled)


def in_language(text: Text, language: str, otherwise: str) -> str:
    """An author's text in a language, or in the form's own when there is none.

    >>> in_language({"en": "Name", "fr": "Nom"}, "fr", "en")
    'Nom'
    """
    if isinstance(text, str):
        return text
    return text.get(language) or text[otherwise]


def chosen_language(accepted: str, offered: Mapping[str, object] | tuple[str, ...]) -> str | None:
    """The first offered language of an Accept-Language header, by its order; None when none is.

    >>> chosen_language("de-AT,de;q=0.9,en;q=0.8", ("en", "de"))
    'de'
    """
    weighted = []
    for place, part in enumerate(accepted[:500].split(",")):
        tag, _, weight = part.partition(";q=")
        try:
            wanted = float(weight) if weight else 1.0
        except ValueError:
            continue
        weighted.append((-wanted, place, tag.strip().partition("-")[0].lower()))
    return next((tag for _, _, tag in sorted(weighted) if tag in offered), None)

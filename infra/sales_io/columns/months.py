"""Names of months and weekdays in the languages of the headers."""

_MONTHS = """
jan january januar janvier janv ene enero gen gennaio janeiro januari styczeń stycznia leden
feb february februar février févr fevrier febrero febbraio fev fevereiro februari luty lutego únor
mar march märz mär maerz mrz mars marzo março marco maart mrt marzec marca březen
apr april avril avr abr abril aprile kwiecień kwietnia duben
may mai mayo mag maggio maio mei maj maja květen
jun june juni juin junio giu giugno junho czerwiec czerwca červen
jul july juli juillet juil julio lug luglio julho lipiec lipca červenec
aug august août aout ago agosto augustus augusti sierpień sierpnia srpen
sep sept september septembre septiembre setiembre set settembre setembro wrzesień września září
oct october okt oktober octobre octubre ott ottobre out outubro październik października říjen
nov november novembre noviembre novembro listopad listopada
dec december dez dezember décembre déc dic diciembre dicembre dezembro grudzień grudnia prosinec
"""
_WEEKDAYS = """
mon monday mo montag lun lundi lunes lunedì seg segunda ma maandag man mandag
tue tuesday tues di dienstag mar mardi martes martedì ter terça dinsdag tir tirsdag
wed wednesday mi mittwoch mer mercredi mié miércoles mercoledì qua quarta wo woensdag ons onsdag
thu thursday thur thurs do donnerstag jeu jeudi jue jueves gio giovedì qui quinta donderdag tor
fri friday fr freitag ven vendredi vie viernes venerdì sex sexta vr vrijdag fre fredag
sat saturday sa samstag sam samedi sáb sábado sab sabato za zaterdag lør lørdag
sun sunday so sonntag dim dimanche dom domingo domenica zo zondag søn søndag
"""
MONTHS = {
    name: number
    for number, names in enumerate(_MONTHS.strip().splitlines(), start=1)
    for name in names.split()
}
WEEKDAYS = frozenset(_WEEKDAYS.split())
